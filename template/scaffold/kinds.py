"""What fits a type of columns: in requests, in responses, and as an example in the tests."""

import re
import sys
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time
from decimal import Decimal
from enum import Enum
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from inflection import humanize

from names import Names, Refused

SHORT = 'f"{n}"'  # different texts where there is no room for words


@dataclass
class Field:
    """A field of the resource. What is below `imported` depends on more than the type."""

    type: str  # in a request
    value: Any  # that a request sends
    other: Any  # to change it to, or None
    varied: str = ""  # a value for each `n`, in Python
    read: str = ""  # the type in a response, if it is another
    bounds: dict[str, str] = field(default_factory=dict)
    imported: str = ""  # the import of a type of the owner's
    name: str = ""
    rule: str = ""  # what `type` stands for
    default: str = ""
    null: str = ""
    column: str = ""  # the key in its table
    unique: bool = False
    keyed: bool = False  # unique, or together with others
    in_factory: bool = False
    writable: bool = True
    relation: str = ""  # of a foreign key, and what it leads to
    target: Names | None = None

    @property
    def annotated(self) -> str:
        bounds = ", ".join(f"{name}={value}" for name, value in self.bounds.items())
        places = self.bounds.get("decimal_places")
        scaled = f", scaled({places})" if places else ""
        return f"Annotated[{self.type}, Field({bounds}){scaled}]" if bounds else self.type

    @property
    def argument(self) -> str:
        return f"{self.name}=" + (f"{self.target.one}.id" if self.target else code(self.value))

    @property
    def made(self) -> str:
        """How a factory makes the value."""
        if self.target:
            return f"factory.SubFactory({self.target.Model}Factory)"
        if self.varied:
            return f"factory.Sequence(lambda n: {self.varied})"
        shared = isinstance(self.value, dict | list)
        return f"factory.LazyFunction(lambda: {code(self.value)})" if shared else code(self.value)


MOMENTS = datetime(2026, 1, 31, 12, tzinfo=UTC), datetime(2026, 2, 28, 12, tzinfo=UTC)
IDS = UUID("00000000-0000-4000-8000-000000000001"), UUID("00000000-0000-4000-8000-000000000002")
KINDS: dict[type, tuple[Any, ...]] = {
    sa.Boolean: ("bool", True, False),
    sa.SmallInteger: ("int", 1, 2, "", "", {"ge": "-(2**15)", "lt": "2**15"}),
    sa.BigInteger: ("int", 1, 2, "", "", {"ge": "-(2**63)", "lt": "2**63"}),
    sa.Integer: ("int", 1, 2, "", "", {"ge": "-(2**31)", "lt": "2**31"}),
    sa.Float: ("float", 1.5, 2.5, "n + 10.5", "", {"ge": "-1e15", "le": "1e15"}),
    sa.DateTime: ("Moment", *MOMENTS, "", "datetime"),
    sa.Date: ("date", date(2026, 1, 31), date(2026, 2, 28)),
    sa.Time: ("ClockTime", time(12), time(13, 30), "time(n // 60 % 24, n % 60)", "time"),
    sa.Uuid: ("UUID", *IDS, "uuid4()"),
    sa.JSON: ("Json", {"a": [1]}, {"b": None}, "", "JsonValue"),
}


def kind_of(column: sa.Column[Any], of: Any, module: str) -> Field:
    match of:
        case sa.Enum(enum_class=type() as known):
            return members(known)
        case sa.Enum():
            return choices(of.enums, module)
        case sa.String():
            return text(column, of.length or column.info.get("max_length", 0))
        case sa.Numeric(asdecimal=True) if (of.scale or 0) >= 0:
            return decimal(of.precision, of.scale or 0)
        case sa.ARRAY(dimensions=None | 1):
            return several(kind_of(column, of.item_type, module))
        case sa.DateTime(timezone=False) | sa.Time(timezone=True):
            pass
        case _:
            for known, given in KINDS.items():
                if isinstance(of, known):
                    return Field(*given)
    raise Refused(f"no type is sure to fit {of!r}")


def text(column: sa.Column[Any], longest: int) -> Field:
    if not longest and column.computed is None:
        raise Refused("write String(200), or info={'max_length': 20_000}")
    words = humanize(column.name) + " {n}"
    varied = f'f"{words}"' if len(words) + 5 <= longest else SHORT
    bounds = {"min_length": "1", "max_length": f"{longest:_}", "pattern": "NO_NUL"}
    return Field("str", "Hello"[:longest], "New"[:longest], varied, bounds=bounds)


def decimal(digits: int | None, places: int) -> Field:
    if digits is None:
        raise Refused("write Numeric(12, 2), or another precision")
    before = digits - places
    one, two = (Decimal(f"{n if before else n / 10:.{places}f}") for n in (1, 2))
    bounds = {"gt": f"-(10**{before})", "lt": f"10**{before}", "decimal_places": str(places)}
    return Field("Decimal", one, two, f"Decimal(n + 10).scaleb(-{places})", bounds=bounds)


def several(inner: Field) -> Field:
    values = [inner.value], [inner.value, inner.other]
    read, bounds = f"list[{inner.read or inner.type}]", {"max_length": "100"}
    return Field(f"list[{inner.annotated}]", *values, "", read, bounds, inner.imported)


def members(of: type[Enum]) -> Field:
    first, *_, last = [*of] * 2
    name = of.__name__
    return Field(name, first, last, imported=f"from {of.__module__} import {name}")


def choices(values: list[str], module: str) -> Field:
    """Of a Literal, which may have a name in the module of the model."""
    given = vars(sys.modules[module]).items()
    named = [name for name, each in given if getattr(each, "__args__", None) == tuple(values)]
    imported = f"from {module} import {named[0]}" if named else ""
    return Field([*named, f"Literal{values}"][0], values[0], values[-1], imported=imported)


def code(value: Any) -> str:
    """The value in Python, where its class is imported by its name."""
    match value:
        case Enum():
            return f"{type(value).__name__}.{value.name}"
        case list():
            return f"[{', '.join(map(code, value))}]"
        case date() | time():
            text = repr(value).replace("datetime.", "").replace("timezone.utc", "UTC")
            return re.sub(r", 0(?=\)|, tz)", "", text)  # the minutes of a full hour
        case int() if value > 999:
            return f"{value:_}"
    return repr(value)
