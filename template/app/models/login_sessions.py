from datetime import datetime

from sqlalchemy import ForeignKey
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.db.base import Record
from app.models.users import User


class LoginSession(Record):
    """One login and its refresh tokens, each replaced by the next. Deleting the row revokes all.

    A refresh token is `family.secret`: the family finds the row. The newest secret is valid, and so
    are the other ones below. All are stored as SHA-256: a leaked table holds no usable token.
    """

    __tablename__ = "login_sessions"

    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    family_hash: Mapped[str] = mapped_column(unique=True)
    secret_hash: Mapped[str]
    # Oldest first, with the time at which each ends: a secret that was used a moment ago, or (None)
    # one that another browser tab has got for it.
    other_secrets: Mapped[list[tuple[str, float | None]]] = mapped_column(
        JSONB, default=list, server_default="[]"
    )
    expires_at: Mapped[datetime]

    user: Mapped[User] = relationship(lazy="raise")
