"""Where a page ends."""

from datetime import UTC, datetime

import pytest

from app.errors import Invalid
from app.pagination import Cursor


def test_a_cursor_comes_back_as_it_went() -> None:
    cursor = Cursor(datetime(2026, 11, 22, 12, 30, 15, 123456, tzinfo=UTC), 2**63 - 1)

    assert Cursor.decode(cursor.encode()) == cursor


@pytest.mark.parametrize("forged", ["x", "é", "AAAA"])
def test_a_text_that_is_no_cursor_is_refused(forged: str) -> None:
    with pytest.raises(Invalid):
        Cursor.decode(forged)


@pytest.mark.parametrize(("letter", "year"), [("f", 9999), ("g", 1)])
def test_a_forged_cursor_ends_where_time_does(letter: str, year: int) -> None:
    assert Cursor.decode(letter * 22 + "==").created_at.year == year
