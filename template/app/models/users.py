from datetime import datetime
from enum import StrEnum

from sqlalchemy import CheckConstraint, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from app.db.base import Record


class Role(StrEnum):
    USER = "user"
    ADMIN = "admin"


class User(Record):
    __tablename__ = "users"
    __table_args__ = (
        CheckConstraint("role IN ('user', 'admin')", name="role"),
        Index(None, "created_at", "id"),
    )

    email: Mapped[str] = mapped_column(unique=True)  # lower case: `app.schemas.base.Email`
    name: Mapped[str]
    password_hash: Mapped[str]
    role: Mapped[str] = mapped_column(String, default=Role.USER, server_default=Role.USER)
    disabled: Mapped[bool] = mapped_column(default=False, server_default="false")
    last_login_at: Mapped[datetime | None]
