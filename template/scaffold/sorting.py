"""Sort orders of a list beside newest first: `amount` ascends, `-amount` descends.

The key of a page is the column and the id, so a page costs the same at any depth.
"""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from types import GenericAlias
from typing import Annotated, Any

from pydantic import Field, TypeAdapter
from sqlalchemy import Select, tuple_

from app.db.base import Record
from app.errors import Invalid
from app.pagination import Page
from app.schemas.base import Moment

CURSOR = "^[A-Za-z0-9_-]{4,4000}={0,2}$"
Id = Annotated[int, Field(gt=0, lt=2**63)]
Key = tuple[Any, int]  # a value and the id: the row at which a page ended


@dataclass
class Order[T: Record]:
    """By one column, then by id. Neither is ever null."""

    model: type[T]
    name: str
    descending: bool
    cursor: TypeAdapter[Any]  # the order, and the row at which a page ended

    def apply(self, stmt: Select[T], after: Key | None) -> Select[T]:
        key = [getattr(self.model, self.name), self.model.id]
        row = tuple_(*key)
        if self.descending:
            stmt = stmt.order_by(*(column.desc() for column in key))
            return stmt.where(row < after) if after else stmt
        stmt = stmt.order_by(*key)
        return stmt.where(row > after) if after else stmt

    def decode(self, cursor: str) -> Key:
        """Read a cursor of this order. Raises `Invalid` for any other text."""
        try:
            _, value, id = self.cursor.validate_json(urlsafe_b64decode(cursor))
        except ValueError:
            raise Invalid("This cursor was not made here; start again without one.") from None
        return value, id

    def page(self, rows: Sequence[T], limit: int) -> Page[T]:
        """Make a page of `limit` rows. One row more than that means that there is a next page."""
        if len(rows) <= limit:
            return Page(rows, None)
        last = rows[limit - 1]
        key = ("-" * self.descending + self.name, getattr(last, self.name), last.id)
        return Page(rows[:limit], urlsafe_b64encode(self.cursor.dump_json(key)).decode())


def orders[T: Record](model: type[T], **types: Any) -> dict[str, Order[T]]:
    """Both directions of each column, whose values are of a type. And of `created_at`."""
    found = {}
    for name, of in (types | {"created_at": Moment}).items():
        for sort in (name, f"-{name}"):
            this = Annotated[str, Field(pattern=f"^{sort}$")]
            row: Any = GenericAlias(tuple, (this, of, Id))
            found[sort] = Order(model, name, sort != name, TypeAdapter(row))
    return found
