"""The types of fields in `app.schemas.base`: what is stored is what the first response says."""

from datetime import datetime
from decimal import Decimal
from typing import Annotated

import pytest
from pydantic import TypeAdapter, ValidationError

from app.schemas.base import ClockTime, Moment, scaled


def test_moment_is_in_utc() -> None:
    moment: datetime = TypeAdapter(Moment).validate_python("2026-01-31T13:00:00+01:00")

    assert moment.isoformat() == "2026-01-31T12:00:00+00:00"


@pytest.mark.parametrize("text", ["2026-01-31T12:00:00", "9999-12-31T23:59:59-14:00"])
def test_moment_without_a_time_in_utc_is_refused(text: str) -> None:
    with pytest.raises(ValidationError):
        TypeAdapter(Moment).validate_python(text)


def test_clock_time_has_no_offset() -> None:
    assert TypeAdapter(ClockTime).validate_python("12:30").isoformat() == "12:30:00"
    with pytest.raises(ValidationError):
        TypeAdapter(ClockTime).validate_python("12:30:00+02:00")


@pytest.mark.parametrize(("sent", "stored"), [("1.5", "1.50"), ("-0", "0.00"), ("1e3", "1000.00")])
def test_decimal_is_as_its_column_writes_it(sent: str, stored: str) -> None:
    amount = TypeAdapter(Annotated[Decimal, scaled(2)]).validate_python(sent)

    assert str(amount) == stored
