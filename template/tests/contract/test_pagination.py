"""The cursor at which a page of a keyset pagination ends."""

from datetime import UTC, datetime

import pytest

from app.errors import Invalid
from app.pagination import Cursor


def test_cursor_is_read_as_it_was_written() -> None:
    cursor = Cursor(datetime(2026, 11, 22, 12, 30, 15, 123456, tzinfo=UTC), 2**63 - 1)

    assert Cursor.decode(cursor.encode()) == cursor


@pytest.mark.parametrize("forged", ["x", "é", "AAAA"])
def test_other_text_is_no_cursor(forged: str) -> None:
    with pytest.raises(Invalid):
        Cursor.decode(forged)


@pytest.mark.parametrize(("letter", "year"), [("f", 9999), ("g", 1)])
def test_forged_cursor_does_not_overflow(letter: str, year: int) -> None:
    assert Cursor.decode(letter * 22 + "==").created_at.year == year
