"""A natural key that others refer to."""

from sqlalchemy import Index, String
from sqlalchemy.orm import Mapped, mapped_column

from app.db.base import Record


class Country(Record):
    __tablename__ = "countries"
    __table_args__ = (Index(None, "created_at", "id"),)

    code: Mapped[str] = mapped_column(
        String(3), unique=True, info={"pattern": "^[A-Z]{3}$", "example": "POL"}
    )
    name: Mapped[str] = mapped_column(String(100))
