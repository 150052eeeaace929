"""A table in a schema of its own, with single letters, reserved words and long names."""

from sqlalchemy import Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from app.db.base import Record


class Ledger(Record):
    __tablename__ = "ledgers"
    __table_args__ = (Index(None, "created_at", "id"), {"schema": "accounting"})

    x: Mapped[str] = mapped_column(String(1), comment="A single letter")
    order: Mapped[int] = mapped_column(info={"ge": 1, "le": 9, "multiple_of": 2, "example": 4})
    description: Mapped[str | None] = mapped_column(Text, info={"max_length": 500})
