"""Reads a line of fields, such as `number:str(40):unique note:text? customer:ref(customers)`."""

import keyword
import re
from dataclasses import dataclass

from inflection import camelize
from sqlalchemy.dialects.postgresql.base import RESERVED_WORDS

from refusal import Refused

FIELD = re.compile(
    r"(?P<name>\w+):(?P<type>\w+)(\((?P<arguments>.*)\))?(?P<options>[?]?(:\w+)*[?]?)"
)
# What Python has for a type, and how its column is declared; `%s` are arguments.
TYPES = {
    "str": ("str", "String(%s)"),
    "text": ("str", 'Text, info={"max_length": %s}'),
    "int": ("int", "Integer"),
    "bigint": ("int", ""),
    "float": ("float", ""),
    "decimal": ("Decimal", "Numeric(%s, %s)"),
    "bool": ("bool", ""),
    "date": ("date", ""),
    "datetime": ("datetime", ""),
    "time": ("time", ""),
    "uuid": ("UUID", ""),
    "json": ("Any", "JSONB"),
    "list": ("list[str]", "ARRAY(String(%s))"),
}
ARGUMENTS = {
    "str": r"\d+",
    "text": r"[\d_]+",
    "decimal": r"\d+, ?\d+",
    "list": r"str(\(\d+\))?",
    "enum": r"[a-z]\w*(, ?[a-z]\w*)*",
    "ref": r"\w+",
}
DEFAULTS = {"str": "200", "text": "20_000", "list": "200"}
SHOW = "Write NAME:TYPE, such as number:str(40):unique, amount:decimal(12,2), note:text?"
# Every table has these, SQLAlchemy has two of them, and Pydantic's models have the last ones.
TAKEN = {"id", "created_at", "updated_at", "metadata", "registry"}
TAKEN |= {"construct", "copy", "dict", "json", "schema", "validate"}


@dataclass
class Column:
    """A field of the line, as the template of the model writes it."""

    name: str
    annotation: str
    declared: str
    optional: bool = False
    choices: tuple[str, ...] = ()  # of an enum
    table: str = ""  # that a reference leads to


def columns_of(line: str, owner: str) -> list[Column]:
    found = [column_of(each) for each in re.split(r"\s+(?![^(]*\))", line.strip())]
    names = [owner, f"{owner}_id"] if owner else []
    names += [column.name for column in found]
    names += [f"{column.name}_id" for column in found if column.table]
    for name in names:
        if names.count(name) > 1:
            raise Refused(f"{name} is there twice.")
        refuse_name(name, {column.name for column in found if column.table})
    return found


def refuse_name(name: str, references: set[str]) -> None:
    if not re.fullmatch("[a-z][a-z0-9_]*", name):
        raise Refused(f"{name} is no name: take lower case, such as due_on.")
    taken = TAKEN if name in references else TAKEN | RESERVED_WORDS
    if keyword.iskeyword(name) or name in taken or name.startswith("model_"):
        raise Refused(f"{name} is a word of Python, SQL, SQLAlchemy or Pydantic: take another.")


def column_of(text: str) -> Column:
    match = FIELD.fullmatch(text)
    if not match:
        raise Refused(f"{text} is no field. {SHOW}.")
    name, kind, arguments = match["name"], match["type"], match["arguments"]
    if kind not in {*TYPES, "enum", "ref"}:
        raise Refused(f"{text}: there is no type {kind}. There are {', '.join(TYPES)}, enum, ref.")
    if not re.fullmatch(ARGUMENTS.get(kind, ""), arguments or DEFAULTS.get(kind, "")):
        raise Refused(f"{text}: {kind} is written otherwise. {SHOW}.")
    flags = match["options"].replace("?", "").split(":")[1:]
    if unknown := {*flags} - {"unique", "index"}:
        raise Refused(f"{text}: there is no {unknown.pop()}. There are ?, :unique and :index.")
    if "unique" in flags and kind in {"bool", "enum", "json", "list", "text"}:
        raise Refused(f"{text}: a {kind} cannot be unique.")
    given = re.findall(r"\w+", arguments or DEFAULTS.get(kind, ""))
    column = declared(name, kind, given, "".join(f", {flag}=True" for flag in flags))
    column.optional = "?" in match["options"]
    if column.optional and kind == "json":
        column.declared = "JSONB(none_as_null=True)"
    return column


def declared(name: str, kind: str, given: list[str], flags: str) -> Column:
    if kind == "enum":
        return Column(name, camelize(name), flags, choices=tuple(given))
    if kind == "ref":
        return Column(name, "int", flags, table=given[0])
    if kind == "list":
        given = given[1:] or [DEFAULTS["list"]]
    annotation, column = TYPES[kind]
    return Column(name, annotation, column % tuple(given) + flags)
