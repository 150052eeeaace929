"""What a mapped class says of its resource: the fields of requests, of responses and of tests."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum
from sys import modules
from typing import Any

import sqlalchemy as sa
from inflection import camelize, humanize, underscore
from sqlalchemy.orm import Mapper, RelationshipProperty

from app.db.base import Record

KEPT = {"id", "created_at", "updated_at"}
BOUNDS = {"ge", "gt", "le", "lt", "min_length", "max_length", "multiple_of", "pattern"}
# What the schemas import: the type of a field has another name.
NAMES = {"Annotated", "BaseModel", "ClockTime", "ConfigDict", "Decimal", "Field", "Input", "Json"}
NAMES |= {"JsonValue", "Literal", "Moment", "Reference", "UUID"}


class Unknown(Exception):
    """What a column does not tell."""


@dataclass
class Kind:
    """What fits a type of columns: in requests, responses and tests."""

    type: str  # of a request, or what its rule is about
    draft: Any  # a value in JSON
    source: str = ""  # the same in Python, if it looks different
    rule: dict[str, str] = field(default_factory=dict)  # what `Field` holds
    read: str = ""  # of a response, if it is another
    other: Any = None  # another value in JSON, to change it to
    after: str = ""  # what follows `Field`
    sequence: str = ""  # of different values, in Python
    imported: str = ""  # where its name is from
    longest: int = 0


@dataclass
class Described:
    """A field of the resource, as the templates write it."""

    name: str
    kind: Kind
    type: str
    rule: str
    nullable: bool
    unique: bool
    writable: bool
    default: str
    table: str
    made: str = ""  # by the factory
    relation: str = ""  # of a foreign key: its relationship, the class there, and its file
    target: str = ""
    target_file: str = ""

    @property
    def read(self) -> str:
        return self.kind.read or self.kind.type

    @property
    def home(self) -> str:
        """Where a route imports the type from."""
        shared = "app.schemas.base" if self.target else ""
        return self.kind.imported or shared or f"app.schemas.{self.table}"

    @property
    def fixture(self) -> str:
        return underscore(self.target)


def fields_of(model: type[Record], kept: set[str], tell: Callable[[str], None]) -> list[Described]:
    """Every column but those that are kept; a sentence for one that does not tell enough."""
    mapper = sa.inspect(model)
    found: list[Described] = []
    for attribute in mapper.column_attrs:
        column = attribute.columns[0]
        if attribute.key in KEPT | kept or not isinstance(column, sa.Column):
            continue
        try:
            kind = told(column, model.__module__)
        except Unknown as unknown:
            tell(f"{attribute.key} is left out of app/schemas/: {unknown}.")
            continue
        for check in checks_of(column):
            if " IN (" not in check and not BOUNDS & column.info.keys():
                tell(f"{attribute.key}: only the database knows the rule {check}.")
        first = not any(each.kind.type == "str" for each in found)
        found.append(described(mapper, column, attribute.key, kind, first))
    return found


def told(column: sa.Column[Any], module: str) -> Kind:
    """The kind of a column, narrowed by a CHECK of its values, and by what its `info` says."""
    kind = kind_of(column, column.type, module)
    for check in checks_of(column):
        if listed := re.fullmatch(rf"{column.name} IN \((.*)\)", check):
            default = getattr(column.default, "arg", None)
            if isinstance(default, Enum):
                return members(type(default))
            return choices(re.findall("'([^']*)'", listed[1]), module)
    for given, instead in {"ge": "gt", "gt": "ge", "le": "lt", "lt": "le"}.items():
        if given in column.info:
            kind.rule.pop(instead, None)
    kind.rule |= {name: repr(column.info[name]) for name in BOUNDS & column.info.keys()}
    if kind.longest:
        kind.rule["max_length"] = f"{kind.longest:_}"
    if "example" in column.info:
        kind.draft, kind.other, kind.source = column.info["example"], None, ""
    return kind


def checks_of(column: sa.Column[Any]) -> list[str]:
    """The SQL of the CHECKs that name the column."""
    rules = [each for each in column.table.constraints if isinstance(each, sa.CheckConstraint)]
    texts = [str(each.sqltext) for each in rules]
    return [text for text in texts if re.search(rf"\b{column.name}\b", text)]


def kind_of(column: sa.Column[Any], of: Any, module: str) -> Kind:
    match of:
        case sa.Enum(enum_class=None):
            return choices(of.enums, module)
        case sa.Enum(enum_class=type() as known):
            return members(known)
        case sa.String():
            return text(of.length or column.info.get("max_length", 0), column.computed is not None)
        case sa.Boolean():
            return Kind("bool", True, other=False)
        case sa.Integer():
            bits = {sa.SmallInteger: 15, sa.BigInteger: 63}.get(type(of), 31)
            bounds = {"ge": f"-(2**{bits})", "lt": f"2**{bits}"}
            return Kind("int", 1, rule=bounds, other=2, sequence="n + 10")
        case sa.Float():
            bounds = {"ge": "-1e15", "le": "1e15"}
            return Kind("float", 1.5, rule=bounds, other=2.5, sequence="n + 10.5")
        case sa.Numeric(precision=int() as digits):
            return decimal(digits - (of.scale or 0), of.scale or 0)
        case sa.Numeric():
            raise Unknown("write Numeric(12, 2), or another precision")
        case sa.DateTime(timezone=True):
            source, later = (
                "datetime(2026, 1, 31, 12, tzinfo=UTC)",
                "datetime(2026, 3, 1, tzinfo=UTC)",
            )
            kind = Kind("Moment", "2026-01-31T12:00:00Z", source, read="datetime")
            kind.other, kind.sequence = "2026-02-28T12:00:00Z", f"{later} + timedelta(days=n)"
            return kind
        case sa.Date():
            kind = Kind("date", "2026-01-31", "date(2026, 1, 31)", other="2026-02-28")
            kind.sequence = "date(2026, 3, 1) + timedelta(days=n)"
            return kind
        case sa.Time(timezone=False):
            kind = Kind("ClockTime", "12:00:00", "time(12)", read="time", other="13:30:00")
            kind.sequence = "time(n // 60 % 24, n % 60)"
            return kind
        case sa.Uuid():
            one, two = (f"00000000-0000-4000-8000-00000000000{number}" for number in (1, 2))
            return Kind("UUID", one, f'UUID("{one}")', other=two, sequence="uuid4()")
        case sa.JSON():
            return Kind("Json", {"a": [1]}, read="JsonValue", other={"b": None})
        case sa.ARRAY(dimensions=None | 1):
            return several(kind_of(column, of.item_type, module))
    raise Unknown(f"no type is sure to fit {of!r}")


def text(longest: int, computed: bool) -> Kind:
    if not longest and not computed:
        raise Unknown("write String(200), or info={'max_length': 20_000}")
    rule = {"min_length": "1", "max_length": f"{longest:_}", "pattern": "NO_NUL"}
    return Kind("str", "Hello"[:longest], rule=rule, other="New"[:longest], longest=longest)


def decimal(before: int, places: int) -> Kind:
    rule = {"gt": f"-(10**{before})", "lt": f"10**{before}", "decimal_places": str(places)}
    one, two = (f"{number if before else number / 10:.{places}f}" for number in (1, 2))
    kind = Kind("Decimal", one, f'Decimal("{one}")', rule, other=two)
    kind.after, kind.sequence = f", scaled({places})", f"Decimal(n + 10).scaleb(-{places})"
    return kind


def several(inner: Kind) -> Kind:
    each = annotated(inner) if inner.rule else inner.type
    kind = Kind(f"list[{each}]", [inner.draft], rule={"max_length": "100"})
    kind.source = f"[{inner.source}]" if inner.source else ""
    kind.read, kind.other = f"list[{inner.read or inner.type}]", [inner.draft, inner.other]
    return kind


def members(of: type[Enum]) -> Kind:
    first, *_, last = [*of] * 2
    source = f"{of.__name__}.{first.name}"
    return Kind(of.__name__, first.value, source, other=last.value, imported=of.__module__)


def choices(values: list[str], module: str) -> Kind:
    """Of a Literal, which may have a name in the module of the model."""
    for name, value in vars(modules[module]).items():
        if getattr(value, "__args__", None) == tuple(values):
            return Kind(name, values[0], imported=module, other=values[-1])
    return Kind(f"Literal[{', '.join(map(repr, values))}]", values[0], other=values[-1])


def annotated(kind: Kind) -> str:
    bounds = ", ".join(f"{name}={value}" for name, value in kind.rule.items())
    return f"Annotated[{kind.type}, Field({bounds}){kind.after}]"


def described(
    mapper: Mapper[Any], column: sa.Column[Any], name: str, kind: Kind, first: bool
) -> Described:
    relation = relation_of(mapper, column)
    if relation and kind.type == "int":
        kind = Kind("Reference", 1, read="int")
    if kind.type == "str" and not first and "example" not in column.info:
        kind.draft = "World"[: kind.longest]
    writable = column.computed is None and column.identity is None
    alias = camelize(name)
    alias = f"{mapper.class_.__name__}{alias}" if alias in NAMES else alias
    found = Described(
        name=name,
        kind=kind,
        type=alias if kind.rule and writable else kind.type,
        rule=annotated(kind) if kind.rule and writable else "",
        nullable=bool(column.nullable),
        unique=is_unique(column),
        writable=writable,
        default=default_of(column),
        table=column.table.name,
    )
    found.made = made(found, first and "example" not in column.info)
    if relation:
        target = relation.mapper.class_
        found.relation, found.target = relation.key, target.__name__
        found.target_file = target.__module__.rpartition(".")[2]
        found.made = f"factory.SubFactory({found.target}Factory)"
    return found


def relation_of(mapper: Mapper[Any], column: sa.Column[Any]) -> RelationshipProperty[Any] | None:
    found = (each for each in mapper.relationships if column in each.local_columns)
    return next(found, None) if column.foreign_keys else None


def is_unique(column: sa.Column[Any]) -> bool:
    table = column.table
    indexes = [[*each.columns] for each in table.indexes if each.unique]
    rules = [[*c.columns] for c in table.constraints if isinstance(c, sa.UniqueConstraint)]
    return bool(column.unique) or [column] in [*indexes, *rules]


def default_of(column: sa.Column[Any]) -> str:
    """What a request need not send: the default of the column in Python."""
    if isinstance(column.default, sa.ColumnDefault) and column.default.is_scalar:
        value = column.default.arg
        return f"{type(value).__name__}.{value.name}" if isinstance(value, Enum) else repr(value)
    if column.nullable:
        return "None"
    return "LEFT_OUT" if column.default is not None or column.server_default is not None else ""


def made(found: Described, first: bool) -> str:
    """How a factory makes the value."""
    kind = found.kind
    words = humanize(found.name) + " {n}"
    fits = len(words) + 5 <= kind.longest
    if kind.type == "str" and (found.unique or (first and fits)):
        return f"factory.Sequence(lambda n: f{words if fits else '{n}'!r})"
    if found.unique and kind.sequence:
        return f"factory.Sequence(lambda n: {kind.sequence})"
    if isinstance(kind.draft, dict | list):
        return f"factory.LazyFunction(lambda: {kind.source or repr(kind.draft)})"
    return kind.source or repr(kind.draft)
