"""Single-table inheritance."""

from sqlalchemy import Index, String
from sqlalchemy.orm import Mapped, mapped_column

from app.db.base import Record


class Vehicle(Record):
    __tablename__ = "vehicles"
    __table_args__ = (Index(None, "created_at", "id"),)
    __mapper_args__ = {  # noqa: RUF012
        "polymorphic_on": "kind",
        "polymorphic_identity": "vehicle",
        "eager_defaults": True,
    }

    kind: Mapped[str] = mapped_column(String(20))
    plate: Mapped[str] = mapped_column(String(10), unique=True)


class Lorry(Vehicle):
    __mapper_args__ = {"polymorphic_identity": "lorry"}  # noqa: RUF012

    tons: Mapped[int | None]
