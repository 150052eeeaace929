"""Values that break services, by name. `tests.spoilt` puts each of them everywhere."""

import json
from base64 import urlsafe_b64encode
from collections.abc import Iterator
from random import Random
from struct import pack
from typing import Any

import pytest

from app.config import settings
from tests.operations import Schema, example, resolved

# Stands in every hostile text that has room for it.
CANARY = "zq7canary"
NUMBER = "7261594038"
UUID = "7c0ffee0-0000-4000-8000-726159403800"
CANARIES = [CANARY, NUMBER, UUID]  # no error may repeat one of them

TEXTS = {
    "empty": "",
    "white space": " \t\n\u2003\u00a0",
    "plain": CANARY,
    "UUID": UUID,
    "NUL": f"{CANARY}\0",
    "high surrogate": f"{CANARY}\ud800",
    "low surrogate": f"\udfff{CANARY}",
    "control characters": f"{CANARY}\x01\x1b[31m\x7f\x85",
    "combining": f"{CANARY}e{'\u0301' * 50}",
    "right to left": f"\u202e{CANARY}\u2066",
    "emoji": f"\U0001f469\u200d\U0001f469\u200d\U0001f467{CANARY}",
    "byte order mark": f"\ufeff{CANARY}",
    "full width": f"{CANARY}\uff11\uff07\uff1b\uff0e\uff0f\uff20",
    "non-characters": f"{CANARY}\ufffe\uffff\U0010ffff",
    "line separators": f"{CANARY}\u2028\u2029\u0085",
    "case": f"{CANARY}\u0130\u00df\u1e9e\ufb03",
    "SQL": f"'; DROP TABLE users; --{CANARY}",
    "SQL or": f"{CANARY}' OR '1'='1' /*",
    "SQL wildcards": f"%_\\{CANARY}%",
    "LDAP": f"*)(uid=*))(|(uid=*{CANARY}",
    "template": "{" + "{7*7}}${7*7}<%= 7*7 %>" + CANARY,
    "format": "{0.__class__}%s%n%(x)s" + CANARY,
    "script": f"<script>alert('{CANARY}')</script>",
    "path": f"../../../../etc/passwd?{CANARY}#",
    "path on Windows": f"..\\..\\{CANARY}",
    "header": f"{CANARY}\r\nSet-Cookie: a=1\r\n\r\n",
    "shell": f"$(touch {CANARY})`id`|&;",
    "e-mail": f"{CANARY}@example..com",
    "two e-mails": f"{CANARY}@example.com,b@example.com\nBcc: c@example.com",
    "URL": f"javascript:alert('{CANARY}')",
    "token": f"Bearer {CANARY}",
    "unsigned token": f"Bearer eyJhbGciOiJub25lIn0.eyJzdWIiOiIxIn0.{CANARY}",
    "long": CANARY * 5_000,
}
# As JSON writes them; in a URL, a form or a header they are texts.
NUMBERS = {
    "zero": "0",
    "minus zero": "-0",
    "one": "1",
    "negative": "-1",
    "fraction": "1.5",
    "int32": str(2**31),
    "ten digits": NUMBER,
    "int64": str(2**63),
    "negative int64": str(-(2**63) - 1),
    "uint64": str(2**64),
    "float": "1e400",
    "negative float": "-1e400",
    "tiny": "1e-400",
    "precise": "0.1234567890123456789012345678901234567890",
    "100 digits": str(10**100),
    "5,000 digits": "7" * 5_000,
    "NaN": "NaN",
    "infinity": "Infinity",
    "negative infinity": "-Infinity",
}
TIMES = {
    "date": "2026-01-31",
    "naive time": "2026-01-31T12:00:00",
    "aware time": "2026-01-31T12:00:00+05:30",
    "overflow in UTC": "9999-12-31T23:59:59-14:00",
    "underflow in UTC": "0001-01-01T00:00:00+14:00",
    "year 10,000": "10000-01-01T00:00:00Z",
    "30th of February": "2026-02-30T12:00:00Z",
    "leap second": "2026-12-31T23:59:60Z",
    "odd offset": "2026-01-31T12:00:00+99:99",
    "nanoseconds": "2026-01-31T12:00:00.123456789Z",
    "duration": "P999999999999D",
}
CURSORS = {
    f"cursor {name}": urlsafe_b64encode(raw).decode()
    for name, raw in {
        "of 0": pack(">qq", 0, 0),
        "of the last": pack(">qq", 2**63 - 1, 2**63 - 1),
        "of the first": pack(">qq", -(2**63), -(2**63)),
        "of year 1": pack(">qq", -62_135_596_800_000_000, 1),
        "too short": b"\xff" * 15,
        "too long": b"\xff" * 17,
        "of text": CANARY.encode(),
    }.items()
} | {"cursor cut off": "AAAA=", "cursor without end": "AAAAAAAAAAAAAAAAAAAAAA"}
OTHERS = {
    "null": "null",
    "true": "true",
    "false": "false",
    "list": "[]",
    "list of text": f'["{CANARY}"]',
    "list of null": "[null]",
    "object": "{}",
    "object of text": json.dumps({CANARY: CANARY}),
    "prototype": json.dumps({"__proto__": {CANARY: 1}, "$ne": None}),
    "nested lists": "[" * 200 + "]" * 200,
    "nested objects": '{"a":' * 200 + "1" + "}" * 200,
}
AS_TEXT = TEXTS | NUMBERS | TIMES | CURSORS | OTHERS
AS_JSON = {name: json.dumps(text) for name, text in (TEXTS | TIMES).items()} | {
    **{f"text {name}": json.dumps(text) for name, text in NUMBERS.items()},
    **NUMBERS,
    **OTHERS,
}
# Names of fields and parameters that no operation knows.
NAMES = ["", CANARY, f"{CANARY}\0", f"{CANARY}\ud800", "__proto__", "__class__", "model_config"]
# Bodies that are no JSON, or not what an operation asks for.
BODIES = {
    "empty": b"",
    "white space": b" \r\n",
    "cut off": b'{"' + CANARY.encode(),
    "no value": b'{"a":}',
    "single quotes": b"{'a': 1}",
    "two values": b"{} {}",
    "comma at the end": b'{"a": 1,}',
    "null": b"null",
    "true": b"true",
    "NaN": b"NaN",
    "number": b"1",
    "5,000 digits": b"7" * 5_000,
    "text": json.dumps(CANARY).encode(),
    "list": b"[]",
    "list of objects": b"[{}]",
    "nested 1,000 deep": b'{"a":' * 1_000 + b"1" + b"}" * 1_000,
    "lists nested 1,000 deep": b"[" * 1_000 + b"]" * 1_000,
    "nested 100,000 deep": b'{"a":' * 100_000 + b"1" + b"}" * 100_000,
    "lists nested 100,000 deep": b"[" * 100_000 + b"]" * 100_000,
    "100,000 keys": b"{" + b",".join(b'"%d":0' % key for key in range(99_999)) + b"}",
    "invalid UTF-8": b'{"' + CANARY.encode() + b'\xff": "\xc3\x28"}',
    "only a byte order mark": b"\xef\xbb\xbf",
    "binary": bytes(range(256)),
    "XML": b'<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]><a>&b;</a>',
}
FORMS = {
    "empty": b"",
    "no pair": b"&&;;==",
    "half an escape": b"%=%zz&%" + CANARY.encode(),
    "raw bytes": b"\xff=\xfe\x00" + CANARY.encode(),
    "1,001 pairs": b"&".join(b"%d=1" % key for key in range(1_001)),
    "brackets": b"[]=1&[a][b]=2",
    "JSON": b'{"a": 1}',
}
PART = b'--x\r\nContent-Disposition: form-data; name="%s"%s\r\n\r\n%s\r\n'
FILE = b'; filename="' + CANARY.encode() + b'"'
MULTIPARTS = {
    "without an end": PART % (b"a", b"", b"b"),
    "of another boundary": b"--y\r\n\r\n--y--",
    "without a name": b"--x\r\n\r\na\r\n--x--",
    "with a file": PART % (b"a", FILE, b"b") + b"--x--",
    "of 1,001 parts": PART % (b"a", b"", b"b") * 1_001 + b"--x--",
    "with a long header": PART % (b"a" * 100_000, b"", b"b") + b"--x--",
}
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
]
LETTERS = [chr(code) for code in range(0x4E00, 0x9FA0)]


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
    if schema.get("type") == "string":
        yield "as long as no body may be", CANARY * (settings.max_body_bytes // len(CANARY) + 1)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    reports = [*terminalreporter.getreports("passed"), *terminalreporter.getreports("failed")]
    found = [dict(report.user_properties) for report in reports]
    cases = [int(of["hostile cases"]) for of in found if "hostile cases" in of]
    crashes = sum(int(of.get("hostile crashes", 0)) for of in found)
    if cases:
        terminalreporter.write_line(
            f"hostile input: {len(cases)} operations, {sum(cases):,} cases, {crashes} 5xx"
        )
