from datetime import datetime

from sqlalchemy import ForeignKey
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.db.base import Record
from app.models.users import User


class LoginSession(Record):
    """One login and its refresh tokens, each replaced by the next. Deleting the row revokes all.

    A refresh token is `family.secret`: the family finds the row, and only the newest secret is
    valid. Both are stored as SHA-256, so that a leaked table holds no usable token.
    """

    __tablename__ = "login_sessions"

    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    family_hash: Mapped[str] = mapped_column(unique=True)
    secret_hash: Mapped[str]
    expires_at: Mapped[datetime]

    user: Mapped[User] = relationship(lazy="raise")
