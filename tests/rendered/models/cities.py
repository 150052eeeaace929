"""A reference to a column that is no id, one without a relationship, and one of two columns."""

from sqlalchemy import ForeignKey, ForeignKeyConstraint, Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.db.base import Record
from app.models.countries import Country


class City(Record):
    __tablename__ = "cities"
    __table_args__ = (
        UniqueConstraint("country_code", "name"),
        ForeignKeyConstraint(["country_code", "capital"], ["cities.country_code", "cities.name"]),
        Index(None, "created_at", "id"),
    )

    name: Mapped[str] = mapped_column(String(100))
    country_code: Mapped[str] = mapped_column(ForeignKey("countries.code"))
    capital: Mapped[str | None] = mapped_column(String(100))
    mayor_id: Mapped[int | None] = mapped_column(
        ForeignKey("users.id", ondelete="SET NULL"), index=True
    )

    country: Mapped[Country] = relationship(lazy="raise")
