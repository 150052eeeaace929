"""Keyset pagination: a page ends at a row, so it costs the same at any depth."""

import struct
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import NamedTuple, Self

from app.db.base import Record
from app.errors import Invalid

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
LAYOUT = ">qq"  # microseconds, id: both 64 bits, so a forged cursor cannot overflow a bigint
CURSOR = "^[A-Za-z0-9_-]{22}==$"
# A forged cursor may hold a time outside of `datetime`: it becomes the first or the last one.
FIRST = (datetime.min.replace(tzinfo=UTC) - EPOCH) // timedelta(microseconds=1)
LAST = (datetime.max.replace(tzinfo=UTC) - EPOCH) // timedelta(microseconds=1)


class Cursor(NamedTuple):
    """The row at which a page ended. For the caller it is an opaque text."""

    created_at: datetime
    id: int

    def encode(self) -> str:
        microseconds = (self.created_at - EPOCH) // timedelta(microseconds=1)
        return urlsafe_b64encode(struct.pack(LAYOUT, microseconds, self.id)).decode()

    @classmethod
    def decode(cls, text: str) -> Self:
        """Read a text that has the pattern `CURSOR`. Raises `Invalid` for any other."""
        try:
            microseconds, id = struct.unpack(LAYOUT, urlsafe_b64decode(text))
        except (ValueError, struct.error):
            raise Invalid("This cursor was not made here; start again without one.") from None
        microseconds = min(max(microseconds, FIRST), LAST)
        return cls(EPOCH + timedelta(microseconds=microseconds), id)


@dataclass
class Page[T: Record]:
    items: Sequence[T]
    next_cursor: str | None

    @classmethod
    def of(cls, rows: Sequence[T], limit: int) -> Self:
        """Make a page of `limit` rows. One row more than that means that there is a next page."""
        if len(rows) <= limit:
            return cls(rows, None)
        last = rows[limit - 1]
        return cls(rows[:limit], Cursor(last.created_at, last.id).encode())
