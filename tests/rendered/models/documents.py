"""A native enum, arrays, JSON, a full-text search, and columns of a mixin."""

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import Computed, Enum, ForeignKey, Index, Integer, String, Text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB, TSVECTOR
from sqlalchemy.orm import Mapped, declared_attr, mapped_column, relationship

from app.db.base import Record
from app.models.users import User


class Status(StrEnum):
    DRAFT = "draft"
    PUBLISHED = "published"


class Authored:
    """A mixin: who wrote it, and when it was thrown away."""

    deleted_at: Mapped[datetime | None]
    author_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)

    @declared_attr
    def author(cls) -> Mapped[User]:
        return relationship(lazy="raise")


class Document(Authored, Record):
    __tablename__ = "documents"
    __table_args__ = (
        Index(None, "created_at", "id"),
        Index(None, "search", postgresql_using="gin"),
    )

    title: Mapped[str] = mapped_column(String(200))
    body: Mapped[str] = mapped_column(Text, info={"max_length": 100_000})
    status: Mapped[Status] = mapped_column(Enum(Status), default=Status.DRAFT)
    visibility: Mapped[Status] = mapped_column(Enum(Status, native_enum=False, length=20))
    pages: Mapped[list[int]] = mapped_column(ARRAY(Integer), server_default="{}")
    labels: Mapped[dict[str, Any]] = mapped_column(JSONB, default=dict)
    options: Mapped[dict[str, Any]] = mapped_column(JSONB, server_default="{}")
    search: Mapped[str] = mapped_column(
        TSVECTOR,
        Computed("to_tsvector('english', title || ' ' || body)", persisted=True),
        deferred=True,
    )
