"""Two references to one table, one to its own under other names, and a time without an offset."""

from datetime import date, datetime, time

from sqlalchemy import DateTime, ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.db.base import Record
from app.models.users import User


class Employee(Record):
    __tablename__ = "employees"
    __table_args__ = (Index(None, "created_at", "id"),)

    name: Mapped[str] = mapped_column(String(100))
    hired_on: Mapped[date]
    left_on: Mapped[date | None] = mapped_column(info={"example": date(2026, 2, 28)})
    wakes_at: Mapped[time | None]
    clocked_in: Mapped[datetime | None] = mapped_column(DateTime(timezone=False))
    account_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    mentor_id: Mapped[int | None] = mapped_column(
        ForeignKey("users.id", ondelete="SET NULL"), index=True
    )
    boss_id: Mapped[int | None] = mapped_column(
        ForeignKey("employees.id", ondelete="SET NULL"), index=True
    )

    account: Mapped[User] = relationship(lazy="raise", foreign_keys=[account_id])
    mentor: Mapped[User | None] = relationship(lazy="raise", foreign_keys=[mentor_id])
    manager: Mapped["Employee | None"] = relationship(
        lazy="raise", remote_side="Employee.id", back_populates="reports"
    )
    reports: Mapped[list["Employee"]] = relationship(lazy="raise", back_populates="manager")
