"""Numbers of all kinds, defaults of the server, a version, two columns that are unique together."""

from datetime import date, datetime
from decimal import Decimal
from uuid import UUID

from sqlalchemy import (
    CheckConstraint,
    Double,
    ForeignKey,
    Index,
    Numeric,
    SmallInteger,
    String,
    UniqueConstraint,
    func,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.db.base import Record
from app.models.users import User


class Order(Record):
    __tablename__ = "orders"
    __table_args__ = (
        UniqueConstraint("customer_id", "number"),
        CheckConstraint("discount BETWEEN 0 AND 100", name="discount"),
        Index(None, "created_at", "id"),
    )

    number: Mapped[str] = mapped_column(String(20))
    token: Mapped[UUID] = mapped_column(server_default=text("gen_random_uuid()"), unique=True)
    items: Mapped[int] = mapped_column(SmallInteger, server_default="1")
    weight: Mapped[float] = mapped_column(Double)
    total: Mapped[Decimal] = mapped_column(server_default="0")
    rate: Mapped[Decimal] = mapped_column(Numeric(5, 4), server_default="1")
    discount: Mapped[int] = mapped_column(default=0, info={"ge": 0, "le": 100})
    paid: Mapped[bool] = mapped_column(server_default="false")
    ordered_on: Mapped[date] = mapped_column(server_default=func.current_date())
    ordered_at: Mapped[datetime] = mapped_column(server_default=func.now())
    version: Mapped[int] = mapped_column()
    customer_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))

    customer: Mapped[User] = relationship(lazy="raise")

    __mapper_args__ = {"version_id_col": version, "eager_defaults": True}  # noqa: RUF012
