"""Hostile values, by the type of what reads them. Each finds a fault that no other one finds."""

import json
import math
from collections.abc import Iterator
from random import Random
from typing import Any

from app.pagination import CURSOR
from tests.contract.operations import Schema, resolved, validator

# Stand in hostile values: no error may repeat one of them.
CANARY = "zq7canary"
NUMBER = 1726159403
UUID = "7c0ffee0-0000-4000-8000-726159403800"
CANARIES = [CANARY, str(NUMBER), UUID]

NUL = f"{CANARY}\0"  # PostgreSQL stores every character but this
HALF = f"{CANARY}\ud800"  # half a surrogate pair: JSON can hold it, UTF-8 cannot
# SQL, formats and templates, HTML, paths, a shell, and a header.
SYNTAX = "'\"%s%(x)s{0.x}${7*7}<a>../..\\*;$(a)`b`\r\nSet-Cookie: " + CANARY
TEXTS = ["", NUL, HALF, SYNTAX]
LETTERS = [chr(code) for code in range(0x4E00, 0x9FA0)]  # of three bytes in UTF-8, none in Latin-1
LONGEST = 5_000  # a URL has no room for more of them

NUMBERS = [0, -1, NUMBER, 2**31, 2**63]  # the last two are beyond 32 and 64 bits
TIMES = [
    "2026-01-31T12:00:00",  # without an offset
    "9999-12-31T23:59:59-14:00",  # in UTC after the last time of Python
    "P999999999999D",
]
# In free JSON, which a schema does not describe: at depth, as a key, and too deep to be sent back.
FREE: list[Any] = [{CANARY: [value]} for value in (NUL, HALF, math.nan, math.inf)]
FREE.append(json.loads("[" * 500 + "]" * 500))
KEYS = [NUL, HALF]
CURSORS = ["f" * 22 + "==", "g" * 22 + "=="]  # after the last time, and before the first

# Instead of a body of any media type: broken, too deep, and no UTF-8.
BODIES = [b'{"zq7canary', b"[" * 100_000, b'{"zq7canary": "\xff"}']
MEDIA_TYPES = ["", "text/plain"]


def payloads_for(schema: Schema) -> Iterator[Any]:
    """Hostile values for a parameter or field of this schema."""
    schema = resolved(schema)
    kind, form = schema.get("type"), schema.get("format", "")
    is_time = form.startswith(("date", "time", "duration"))
    yield None
    if kind != "object":
        yield {CANARY: CANARY}
    if kind in {"string", None} and not is_time and not {"enum", "const"} & schema.keys():
        yield from TEXTS
        # Random, because PostgreSQL compresses a text before it measures it for an index.
        length = min(schema.get("maxLength", LONGEST), LONGEST)
        yield "".join(Random(0).choices(LETTERS, k=length))  # noqa: S311
    else:
        yield CANARY
    if kind in {"integer", "number", None}:
        yield from (number for number in NUMBERS if validator(schema).is_valid(number))
        yield from (math.nan, math.inf)  # Python's JSON has them
    if is_time or kind is None:
        yield from TIMES
    if kind is None:
        yield from FREE
    if form == "uuid":
        yield UUID
    if schema.get("pattern") == CURSOR:
        yield from CURSORS


def as_text(value: Any) -> str:
    """As a URL, a form or a header holds it."""
    text = value if isinstance(value, str) else json.dumps(value)
    return text.encode(errors="replace").decode()
