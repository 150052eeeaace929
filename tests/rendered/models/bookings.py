"""A CHECK over two columns, times that may not overlap, a range, an interval."""

from datetime import UTC, datetime, timedelta

from sqlalchemy import CheckConstraint, Computed, ForeignKey, Index, String, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import TSTZRANGE, ExcludeConstraint, Range
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.db.base import Record
from app.models.users import User


class Booking(Record):
    __tablename__ = "bookings"
    __table_args__ = (
        CheckConstraint("starts_at < ends_at", name="order"),
        ExcludeConstraint(
            (text("seat"), "="), (text("tstzrange(starts_at, ends_at)"), "&&"), name="overlap"
        ),
        UniqueConstraint("guest_id", "number"),
        Index(None, "created_at", "id"),
    )

    seat: Mapped[str] = mapped_column(
        String(10), info={"pattern": "^[A-Z][0-9]+$", "example": "A1"}
    )
    number: Mapped[int]
    starts_at: Mapped[datetime]
    ends_at: Mapped[datetime] = mapped_column(
        info={"example": datetime(2026, 1, 31, 13, tzinfo=UTC)}
    )
    lasts: Mapped[Range[datetime]] = mapped_column(
        TSTZRANGE, Computed("tstzrange(starts_at, ends_at)")
    )
    pause: Mapped[timedelta] = mapped_column(server_default=text("'0'"))
    guest_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)

    guest: Mapped[User] = relationship(lazy="raise")
