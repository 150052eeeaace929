"""A class that is not the singular of its file, other names of columns, types of one's own."""

from typing import Any, Literal

from sqlalchemy import CheckConstraint, Index, LargeBinary, String, TypeDecorator, func
from sqlalchemy.dialects.postgresql import CITEXT
from sqlalchemy.ext.hybrid import hybrid_property
from sqlalchemy.orm import Mapped, column_property, mapped_column

from app.db.base import Record

Kind = Literal["customer", "supplier"]


class Phone(TypeDecorator[str]):
    """Without spaces in the database."""

    impl = String(20)
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Any) -> str | None:
        return value and value.replace(" ", "")


class Person(Record):
    __tablename__ = "people"
    __table_args__ = (
        CheckConstraint("type IN ('customer', 'supplier')", name="type"),
        Index(None, "created_at", "id"),
    )

    first_name: Mapped[str] = mapped_column(String(100))
    last_name: Mapped[str] = mapped_column("surname", String(100))
    kind: Mapped[Kind] = mapped_column("type", String(20), default="customer")
    email: Mapped[str] = mapped_column(CITEXT, unique=True, info={"max_length": 254})
    phone: Mapped[str | None] = mapped_column(Phone)
    photo: Mapped[bytes | None] = mapped_column(LargeBinary, deferred=True)
    notes: Mapped[str | None] = mapped_column(String(2000), deferred=True)

    initial: Mapped[str] = column_property(func.left(first_name, 1))

    @hybrid_property
    def is_customer(self) -> bool:
        return self.kind == "customer"
