"""Values that break services, in classes: all values of a class can find the same fault.

`tests.spoilt` puts them everywhere: one value of each class, chosen by `--seed`, and with
`--all-cases` every value. Of headers, which every operation leaves to the same code, fewer.
"""

import asyncio
import json
from base64 import urlsafe_b64encode
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import chain
from random import Random
from struct import pack
from typing import Any
from zlib import crc32

import pytest
from coverage import Coverage

from app.pagination import CURSOR
from tests.contract.operations import Schema, example, resolved

type Classes[T] = Mapping[str, Sequence[T]]

# Stands in every hostile text that has room for it.
CANARY = "zq7canary"
NUMBER = "7261594038"
UUID = "7c0ffee0-0000-4000-8000-726159403800"
CANARIES = [CANARY, NUMBER, UUID]  # no error may repeat one of them

TEXTS: Classes[str] = {
    "empty": ["", " \t\n\u2003\u00a0"],
    "NUL": [f"{CANARY}\0"],
    "half a surrogate pair": [f"{CANARY}\ud800", f"\udfff{CANARY}"],
    "letters": [  # some are more in the other case
        f"{CANARY}e{'\u0301' * 50}\U0001f469\u200d\U0001f469\u200d\U0001f467",
        f"{CANARY}\u0130\u00df\u1e9e\ufb03\uff11\uff07\uff1b\uff0e\uff0f\uff20",
    ],
    "invisible": [
        f"{CANARY}\x01\x1b[31m\x7f\x85",
        f"\u202e{CANARY}\u2066\u2028\u2029\u0085",
        f"\ufeff{CANARY}\ufffe\uffff\U0010ffff",
    ],
    "every syntax": ["'\"%s%(x)s{0.x}${7*7}<a>../..\\*;$(a)`b`\r\nSet-Cookie: " + CANARY],
    "some syntax": [  # for what refuses every syntax at once
        f"{CANARY}' OR '1'='1",
        CANARY + "{0.__class__}%s",
        f"../../../../etc/passwd?{CANARY}#",
        f"a@example.com\nBcc: {CANARY}@b.de",
    ],
    "long": [CANARY * 5_000],
}
# For what reads something else than a text, and refuses all others in one place.
REFUSED: Classes[str] = {"text": ["", CANARY, f"{CANARY}\0", f"{CANARY}\ud800"]}
TOKENS = [f"Bearer {CANARY}", f"Bearer eyJhbGciOiJub25lIn0.eyJzdWIiOiIxIn0.{CANARY}"]
# As JSON writes them; in a URL, a form or a header they are texts.
NUMBERS: Classes[str] = {
    "zero": ["0", "-0"],
    "negative": ["-1"],
    "fraction": ["1.5", "0.1234567890123456789012345678901234567890", "1e-400"],
    "no int32": [str(2**31)],
    "ten digits": [NUMBER],
    "no int64": [str(2**63), str(-(2**63) - 1), str(2**64), str(10**100)],
    "endless": ["7" * 5_000],
    "NaN": ["NaN"],
    "infinite": ["Infinity", "-Infinity", "1e400", "-1e400"],
}
TIMES: Classes[str] = {
    "time without offset": ["2026-01-31", "2026-01-31T12:00:00"],
    "time": ["2026-01-31T12:00:00+05:30", "2026-01-31T12:00:00.123456789Z"],
    "overflow in UTC": ["9999-12-31T23:59:59-14:00", "0001-01-01T00:00:00+14:00"],
    "no time": [
        "10000-01-01T00:00:00Z",
        "2026-02-30T12:00:00Z",
        "2026-12-31T23:59:60Z",
        "2026-01-31T12:00:00+99:99",
    ],
    "duration": ["P999999999999D"],
}
CURSORS: Classes[str] = {
    name: [urlsafe_b64encode(raw).decode() for raw in values]
    for name, values in {
        "far cursor": [
            pack(">qq", 2**63 - 1, 2**63 - 1),
            pack(">qq", -(2**63), -(2**63)),
            pack(">qq", -62_135_596_800_000_000, 1),
        ],
        "cursor of nothing": [pack(">qq", 0, 0)],
        "no cursor": [b"\xff" * 15, b"\xff" * 17, CANARY.encode()],
    }.items()
} | {"half a cursor": ["AAAA=", "AAAAAAAAAAAAAAAAAAAAAA"]}
NULL: Classes[str] = {"null": ["null"]}
# As JSON writes them, for what takes only one of the types.
OTHERS: Classes[str] = {
    "boolean": ["true"],
    "number": [NUMBER, "NaN"],
    "list": ["[]", f'["{CANARY}"]'],
    "object": [json.dumps({CANARY: CANARY}), json.dumps({"__proto__": {CANARY: 1}})],
}
NESTED: Classes[str] = {
    "nested lists": ["[" * 200 + "]" * 200],
    "nested objects": ['{"a":' * 200 + "1" + "}" * 200],
}
# Names of fields and parameters that no operation knows.
NAMES = [CANARY, "", f"{CANARY}\0", f"{CANARY}\ud800", "__proto__", "__class__", "model_config"]
# Bodies that are no JSON, or not what an operation asks for.
BODIES: Classes[bytes] = {
    "no JSON": [
        b"",
        b" \r\n",
        b'{"' + CANARY.encode(),
        b'{"a":}',
        b"{'a': 1}",
        b"{} {}",
        b'{"a": 1,}',
        b'<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]><a>&b;</a>',
    ],
    "another type": [
        b"null",
        b"true",
        b"NaN",
        b"1",
        b"7" * 5_000,
        json.dumps(CANARY).encode(),
        b"[]",
        b"[{}]",
    ],
    "deep or wide": [
        b'{"a":' * 100_000 + b"1" + b"}" * 100_000,
        b"[" * 100_000 + b"]" * 100_000,
        b'{"a":' * 1_000 + b"1" + b"}" * 1_000,
        b"[" * 1_000 + b"]" * 1_000,
        b"{" + b",".join(b'"%d":0' % key for key in range(10_000)) + b"}",
    ],
    "no UTF-8": [
        b'{"' + CANARY.encode() + b'\xff": "\xc3\x28"}',
        b"\xef\xbb\xbf",
        bytes(range(256)),
    ],
}
FORMS: Classes[bytes] = {
    "no pairs": [b"", b"&&;;==", b'{"a": 1}', b"[]=1&[a][b]=2"],
    "broken": [b"%=%zz&%" + CANARY.encode(), b"\xff=\xfe\x00" + CANARY.encode()],
    "1,001 pairs": [b"&".join(b"%d=1" % key for key in range(1_001))],
}
PART = b'--x\r\nContent-Disposition: form-data; name="%s"%s\r\n\r\n%s\r\n'
FILE = b'; filename="' + CANARY.encode() + b'"'
MULTIPARTS = [
    PART % (b"a", b"", b"b"),  # without an end
    b"--y\r\n\r\n--y--",
    b"--x\r\n\r\na\r\n--x--",
    PART % (b"a", FILE, b"b") + b"--x--",
    PART % (b"a", b"", b"b") * 1_001 + b"--x--",
    PART % (b"a" * 100_000, b"", b"b") + b"--x--",
]
MEDIA_TYPES = [
    "",
    "text/plain",
    "application/xml",
    "application/jsonx",
    "application",
    "/",
    "json",
    "*/*",
    "multipart/form-data",
    "multipart/form-data; boundary=x",
    "multipart/form-data; boundary=" + CANARY * 100,
    'multipart/mixed; boundary="',
    CANARY,
    f"application/{CANARY}\0",
]
LETTERS = [chr(code) for code in range(0x4E00, 0x9FA0)]


@dataclass(frozen=True)
class Choice:
    """One value of each class, the same for the same seed and place; without a seed, every one."""

    seed: int | None

    def of[T](self, classes: Classes[T], *place: object) -> Iterator[tuple[str, T]]:
        for name, values in classes.items():
            if self.seed is None or not values:
                yield from ((name, value) for value in values)
            else:
                at = " ".join(map(str, (self.seed, *place, name)))
                yield name, values[crc32(at.encode()) % len(values)]

    def few[T](self, classes: Classes[T], *place: object) -> Iterator[tuple[str, T]]:
        """For what every operation leaves to the same code: one of all classes, or of each."""
        if self.seed is None:
            yield from ((name, values[0]) for name, values in classes.items())
        else:
            yield from self.of({" or ".join(classes): joined(classes)}, *place)


def texts_for(schema: Schema) -> Classes[str]:
    """What is hostile, in a URL or a form, to whoever reads this schema."""
    schema = resolved(schema)
    kind, form = kind_of(schema), str(schema.get("format"))
    numeric, timely = kind in {"integer", "number"}, form.startswith(("date", "time", "duration"))
    found = dict(TEXTS)
    if kind not in {"string", None} or timely or {"enum", "const"} & schema.keys():
        found = dict(REFUSED)
    if "maxLength" in schema:
        found.pop("long", None)
    if numeric or kind is None:
        found |= numbers_for(schema)
    if timely or kind is None:
        found |= TIMES
    if form == "uuid":
        found["UUID"] = [UUID]
    if schema.get("pattern") == CURSOR:
        found |= CURSORS
    return found | {name: [as_text(value)] for name, value in bounds(schema)}


def numbers_for(schema: Schema) -> Classes[str]:
    """Of the whole numbers beyond a bound only the next one is tried, which is in `bounds`."""
    least = schema.get("minimum", schema.get("exclusiveMinimum"))
    most = schema.get("maximum", schema.get("exclusiveMaximum"))

    def is_beyond(text: str) -> bool:
        if len(text) > 200 or not text.removeprefix("-").isdecimal():
            return False
        number = int(text)
        return (least is not None and number < least) or (most is not None and number > most)

    inside = {
        name: [text for text in values if not is_beyond(text)] for name, values in NUMBERS.items()
    }
    return {name: values for name, values in inside.items() if values}


def kind_of(schema: Schema) -> str | None:
    """The JSON type; of several the first."""
    kind = schema.get("type")
    return kind[0] if isinstance(kind, list) else kind


def json_for(schema: Schema) -> Classes[str]:
    """The same in JSON, as JSON writes it; and what is of another type."""
    schema, kind = resolved(schema), kind_of(resolved(schema))
    texts = {k: v for k, v in texts_for(schema).items() if k not in NUMBERS}
    written = {name: [json.dumps(text) for text in values] for name, values in texts.items()}
    found: dict[str, Sequence[str]] = {**NULL}
    if kind in {"integer", "number", None}:
        found |= {k: v for k, v in texts_for(schema).items() if k in NUMBERS}
        written["number as a text"] = [json.dumps(number) for number in OTHERS["number"]]
    if kind in {"array", "object", None}:
        found |= NESTED
    own = {"array": "list", "integer": "number"}.get(str(kind), kind)
    others = {name: values for name, values in OTHERS.items() if name != own}
    found |= others if kind is None else {"another type": joined(others)}
    return found | written | {name: [json.dumps(value)] for name, value in bounds(schema)}


def joined[T](classes: Classes[T]) -> list[T]:
    return [*chain(*classes.values())]


def as_text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def bounds(schema: Schema) -> Iterator[tuple[str, Any]]:
    """What is just outside of the bounds that a schema declares, and the longest text inside."""
    schema = resolved(schema)
    if longest := schema.get("maxLength"):
        yield "one too long", (CANARY * longest)[: longest + 1]
        # Random: PostgreSQL compresses a text before it measures it for an index.
        yield "longest", "".join(Random(0).choices(LETTERS, k=longest))  # noqa: S311
    if shortest := schema.get("minLength"):
        yield "one too short", (CANARY * shortest)[: shortest - 1]
    for name, beyond in (("minimum", -1), ("maximum", 1)):
        if name in schema:
            yield name, schema[name] + beyond
    for name in ("exclusiveMinimum", "exclusiveMaximum"):
        if name in schema:
            yield name, schema[name]
    if "maxItems" in schema:
        yield "one item too many", [example(schema.get("items", {}))] * (schema["maxItems"] + 1)


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("hostile input")
    group.addoption(
        "--all-cases", action="store_true", help="every hostile value, not one of each class"
    )
    group.addoption("--seed", type=int, default=1, help="which one of each class is tried")


@pytest.fixture(scope="session")
def choice(request: pytest.FixtureRequest) -> Choice:
    config = request.config
    return Choice(None if config.getoption("all_cases") else config.getoption("seed"))


@pytest.fixture
async def unmeasured() -> AsyncIterator[None]:
    """No coverage meanwhile: thousands of requests reach what others have reached."""
    measuring = Coverage.current()
    if measuring:
        measuring.stop()
    yield
    if measuring:
        measuring.start()
        # A thread that began meanwhile would never be measured: later tests get new ones.
        asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor())


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    reports = [*terminalreporter.getreports("passed"), *terminalreporter.getreports("failed")]
    found = [dict(report.user_properties) for report in reports]
    cases = [int(of["hostile cases"]) for of in found if "hostile cases" in of]
    crashes = sum(int(of.get("hostile crashes", 0)) for of in found)
    option = terminalreporter.config.getoption
    which = (
        "every value"
        if option("all_cases")
        else f"one value of each class, --seed {option('seed')}"
    )
    if cases:
        terminalreporter.write_line(
            f"hostile input: {len(cases)} operations, {sum(cases):,} cases ({which}), {crashes} 5xx"
        )
