"""`Json` refuses what cannot be stored, in values and in keys."""

from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from app.schemas.base import JsonObject

FREE = TypeAdapter(JsonObject)
FIT = {"text": "\N{GRINNING FACE}", "inner": [{"number": 1e308, "none": None}]}
DEEP: Any = []
for _ in range(64):
    DEEP = [DEEP]


def test_json_that_can_be_stored_is_accepted() -> None:
    assert FREE.validate_python(FIT) == FIT


@pytest.mark.parametrize("unfit", ["\0", "\ud800", float("nan"), float("inf"), {"\0": 1}, DEEP])
def test_json_that_cannot_be_stored_is_refused(unfit: Any) -> None:
    with pytest.raises(ValidationError):
        FREE.validate_python({"inner": [unfit]})
