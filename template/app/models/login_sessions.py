from datetime import datetime

from sqlalchemy import ForeignKey
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.db.base import Record
from app.models.users import User


class LoginSession(Record):
    """One login and the refresh tokens that descend from it. Deleting the row ends them all.

    A refresh token is `family.secret`: the family finds the row, and only the newest secret fits.
    Both are stored as SHA-256, so a stolen table signs nobody in.
    """

    __tablename__ = "login_sessions"

    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    family_hash: Mapped[str] = mapped_column(unique=True)
    secret_hash: Mapped[str]
    expires_at: Mapped[datetime]

    user: Mapped[User] = relationship(lazy="raise")
