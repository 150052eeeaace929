"""Renders the patterns of this folder into a temporary tree, and tidies what was written."""

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import jinja2
from pydantic_core import to_jsonable_python

from access import Access, scope_of
from app.models.users import User
from kinds import Field, code
from line import INDEXED
from names import Names, Refused

HERE = Path(__file__).parent
TESTS = HERE.parent / "tests"
PARAMETERS = "after cursor db limit page reader sort sorting user"  # of a list
ORDERED = "int|float|Decimal|date|datetime|time"
# Where each pattern of this folder is written to.
FILES = {
    "model": "app/models/{}.py",
    "schemas": "app/schemas/{}.py",
    "repos": "app/repos/{}.py",
    "services": "app/services/{}.py",
    "routes": "app/api/routes/{}.py",
    "factory": "tests/factories/{}.py",
    "unit": "tests/unit/test_{}.py",
    "integration": "tests/integration/test_{}.py",
}


def render(pattern: str, to: Path, context: dict[str, Any]) -> None:
    environment = jinja2.Environment(  # noqa: S701 - what is written is Python, no HTML
        loader=jinja2.FileSystemLoader(HERE),
        variable_start_string="<<",
        variable_end_string=">>",
        block_start_string="<%",
        block_end_string="%>",
        comment_start_string="<#",
        comment_end_string="#>",
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    to.parent.mkdir(parents=True, exist_ok=True)
    try:
        text = environment.get_template(f"{pattern}.py.j2").render(context)
    except jinja2.TemplateError as error:
        raise Refused(f"scaffold/{pattern}.py.j2 cannot be rendered: {error}.") from None
    to.write_text(text + "\n")


def tidy(path: Path) -> None:
    """Drop the imports that are not used, sort those that are, and format."""
    ours = "lint.isort.known-first-party = ['app', 'tests']"  # the tree has few of them
    rules = ["--quiet", "--fix-only", "--exit-zero", "--select", "F401,F541,I", "--config", ours]
    for command in (["check", *rules], ["format", "--quiet"]):
        if subprocess.call([sys.executable, "-m", "ruff", *command, str(path)]):
            raise Refused("ruff cannot tidy what was written, see above.")


def context_of(
    names: Names, access: Access, fields: list[Field], filtered: list[str], sorted: list[str]
) -> dict[str, Any]:
    writable = [each for each in fields if each.writable]
    required = [each for each in writable if not each.null and not each.default]
    filters = [filter_of(name, fields, names) for name in filtered]
    sorts = [sort_of(name, fields) for name in sorted]

    for f in writable:
        varies = f.unique or (f.keyed and bool(f.varied))
        itself = f.target is not None and f.target.many == names.many  # never ends
        f.in_factory = (f in required or varies or f.name in filtered) and not itself
    needed = [access.parent, *(each.target for each in required)]
    used = [access.parent, *(each.target for each in fields)]

    for each in [*needed, *used]:
        if each and each.many != names.many and not (TESTS / f"factories/{each.many}.py").exists():
            raise Refused(f"There is no tests/factories/{each.many}.py: first write its resource.")
    found = {
        "fields": fields,
        "writable": writable,
        "required": required,
        "needed": {each.one: each for each in needed if each}.values(),
        "used": [each for each in used if each and each.many != names.many],
        "made": [f for f in writable if f.in_factory],
        "filters": filters,
        "sorts": sorts,
        "sort": f', sort: {names.Model}Sort = "-created_at"' if sorts else "",
        "by": "".join(f", {each.name}: {each.read} | None = None" for each in filters),
        "by_type": "".join(f", {each.name}: {each.type} | None = None" for each in filters),
        "by_name": "".join(f", {name}={name}" for name in filtered),
        "guarded": [each for each in writable if is_guarded(each, access)],
        "draft": {f.name: to_jsonable_python(f.value) for f in writable if not f.target},
        "changed": first_to_change(writable),
        "json": to_jsonable_python,
        "code": code,
    }
    return vars(names) | vars(access) | found


def filter_of(name: str, fields: list[Field], names: Names) -> Field:
    found = [each for each in fields if each.name == name and name not in PARAMETERS.split()]
    if not found or re.match("datetime|time|JsonValue|list", found[0].read):
        raise Refused(f"--filter {name}: there is no such field, or it has no few values.")
    itself = found[0].target is not None and found[0].target.many == names.many
    too_long = int(found[0].bounds.get("max_length", "0")) > INDEXED
    if itself or too_long or found[0].other is None:
        raise Refused(f"--filter {name}: write it by hand.")
    return found[0]


def sort_of(name: str, fields: list[Field]) -> Field:
    """A keyset needs a value in every row; a text may be too long for a cursor."""
    found = [each for each in fields if each.name == name and each.other is not None]
    if not found or found[0].null or not re.fullmatch(ORDERED, found[0].read):
        raise Refused(f"--sort {name}: there is no such number, date or time that is never null.")
    return found[0]


def is_guarded(field: Field, access: Access) -> bool:
    """Whether it refers to what each user has for themselves: then only to their own."""
    scope = scope_of(field.target.many) if field.target and access.kind != "admin" else None
    if scope not in {None, User}:
        raise Refused(f"{field.name}: what it refers to is nested. Add the reference by hand.")
    if scope is User and not access.passes:
        raise Refused(f"{field.name}: not every caller may read what it refers to.")
    return scope is User


def first_to_change(writable: list[Field]) -> Field | None:
    """A field that is written in Python as in JSON, if there is one; best a text."""
    found = [each for each in writable if each.other is not None and not each.target]
    plain = [each for each in found if code(each.other) == repr(to_jsonable_python(each.other))]
    return next((each for each in plain if each.read == "str"), plain[0] if plain else None)
