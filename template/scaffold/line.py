"""Reads a line of fields, such as `number:str(40):unique note:text? customer:ref(customers)`."""

import re
from dataclasses import dataclass

from inflection import camelize
from pydantic import BaseModel
from sqlalchemy.dialects.postgresql.base import RESERVED_WORDS

from access import Access, models
from app.db.base import Record
from names import IMPORTED, Names, Refused, names_of_model, refuse_word

FIELD = re.compile(r"(\w+):(\w+)(?:\((.*)\))?([?]?(?::\w+)*[?]?)")
# What Python has for a type, how its column is declared, and how its arguments, `%s`, are written.
TYPES = {
    "str": ("str", "String(%s)", r"[1-9]\d{0,6}"),
    "text": ("str", 'Text, info={"max_length": %s}', r"[\d_]+"),
    "int": ("int", "Integer", ""),
    "bigint": ("int", "", ""),
    "float": ("float", "", ""),
    "decimal": ("Decimal", "Numeric(%s, %s)", r"\d+, ?\d+"),
    "bool": ("bool", "", ""),
    "date": ("date", "", ""),
    "datetime": ("datetime", "", ""),
    "time": ("time", "", ""),
    "uuid": ("UUID", "", ""),
    "json": ("Any", "JSONB", ""),
    "list": ("list[str]", "ARRAY(String(%s))", r"str(\(\d+\))?"),
    "enum": ("", "", r"[a-z]\w*(, ?[a-z]\w*)*"),
    "ref": ("int", 'ForeignKey("%s.id")', r"\w+"),
}
# Where null is allowed, some columns are declared otherwise.
OPTIONAL = {"json": "JSONB(none_as_null=True)", "ref": 'ForeignKey("%s.id", ondelete="SET NULL")'}
INDEXED = 600  # letters of up to four bytes; an index holds 2,704 bytes of a row
DEFAULTS = {"str": "200", "text": "20_000"}
SHOW = "Write NAME:TYPE, such as number:str(40):unique, amount:decimal(12,2), note:text?"
# A field named as a type would hide it from those that follow.
TAKEN = {
    *dir(Record),
    *dir(BaseModel),
    *(annotation for annotation, *_ in TYPES.values()),
    "list",
    "self",
}


@dataclass
class Column:
    """A field of the line, as the pattern of the model writes it."""

    name: str
    key: str  # in the table: of a reference, it ends with _id
    annotation: str
    declared: str
    null: str
    choices: list[str]  # of an enum
    table: str  # that a reference leads to
    target: Names | None = None  # in that table


def columns_of(line: str, resource: Names, access: Access) -> list[Column]:
    """Refuse what cannot stand in one model. References come last."""
    found = [column_of(each) for each in re.split(r"\s+(?![^(]*\))", line.strip())]
    if holder := access.holder:
        declared = f'ForeignKey("{holder.many}.id", ondelete="CASCADE")'
        declared += "" if access.scope else ", index=True"
        key = f"{holder.one}_id"
        found.append(Column(holder.one, key, "int", declared, "", [], holder.many, holder))
    if access.owner in {"db", "payload"}:
        raise Refused(f"--owner {access.owner}: it has another meaning in the service.")
    names = [column.name for column in found] + [column.key for column in found if column.table]
    for name in names:
        if names.count(name) > 1:
            raise Refused(f"{name} is there twice.")
    for column in found:
        refuse_word(column.name, TAKEN if column.table else TAKEN | RESERVED_WORDS)
        if column.choices and column.annotation in {resource.Model, *IMPORTED}:
            column.annotation = f"{resource.Model}{column.annotation}"
        if column.table and not column.target:
            column.target = target_of(column, resource)
    return sorted(found, key=lambda column: bool(column.table))


def target_of(column: Column, resource: Names) -> Names:
    if column.table == resource.many and "unique" in column.declared:
        raise Refused(f"{column.name}: a reference to its own table cannot be unique.")
    if column.table == resource.many and not column.null:
        raise Refused(f"{column.name}: the first {resource.human} can refer to none. Add a ?.")
    tables = {model.__tablename__: names_of_model(model) for model in models()}
    tables[resource.many] = resource
    if column.table not in tables:
        known = ", ".join(tables)
        raise Refused(f"{column.name}: there is no table {column.table}. There are {known}.")
    return tables[column.table]


def column_of(text: str) -> Column:
    match = FIELD.fullmatch(text)
    if not match:
        raise Refused(f"{text} is no field. {SHOW}.")
    name, kind, arguments, options = match.groups()
    arguments, flags = arguments or DEFAULTS.get(kind, ""), sorted({*re.findall(r"\w+", options)})
    refuse_type(text, kind, arguments, flags)
    annotation, declared, _ = TYPES[kind]
    if "?" in options:
        declared = OPTIONAL.get(kind, declared)
    given = [each for each in re.findall(r"\w+", arguments) if each != "str"] or ["200"]
    is_reference = kind == "ref"
    flags = flags or ["index"] * is_reference
    used = tuple(given[: declared.count("%s")])
    parts = [declared % used, *(f"{flag}=True" for flag in flags)]
    return Column(
        name,
        f"{name}_id" if is_reference else name,
        annotation or camelize(name),
        ", ".join(part for part in parts if part),
        " | None" if "?" in options else "",
        given if kind == "enum" else [],
        given[0] if is_reference else "",
    )


def refuse_type(text: str, kind: str, arguments: str, flags: list[str]) -> None:
    if kind not in TYPES:
        raise Refused(f"{text}: there is no type {kind}. There are {', '.join(TYPES)}.")
    if not re.fullmatch(TYPES[kind][2], arguments):
        raise Refused(f"{text}: {kind} is written otherwise. {SHOW}. Bounds: see info, in a model.")
    if kind == "enum" and len(set(re.findall(r"\w+", arguments))) <= arguments.count(","):
        raise Refused(f"{text}: the same value twice.")
    if unknown := {*flags} - {"unique", "index"}:
        raise Refused(f"{text}: there is no {unknown.pop()}. There are ?, :unique and :index.")
    if "unique" in flags and kind in {"bool", "enum", "json", "list", "text"}:
        raise Refused(f"{text}: a {kind} cannot be unique.")
    long = kind == "str" and int(arguments) > INDEXED
    if flags and (long or kind in {"json", "list", "text"}):
        raise Refused(f"{text}: a {kind} may be too long for an index.")
    if kind == "decimal" and int.__lt__(*map(int, arguments.split(","))):
        raise Refused(f"{text}: more places than digits.")
