"""What a resource is called, and the names that it cannot have."""

import builtins
import keyword
import re
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from inflection import camelize, pluralize, singularize, underscore
from sqlalchemy.dialects.postgresql.base import RESERVED_WORDS

# Variables, functions and fixtures of the files that are written, or that tests have already.
ONES = "admin after anyio_backend app before caplog client committed create created cursor database"
ONES += " db delete deleted editor engine field find first headers limit method other page payload"
ONES += " read request response result router save second sent service sign_in sorting statements"
ONES += " stmt taken update user value"
PATHS = {"docs", "redoc"}  # pages of FastAPI's own


def imported(*patterns: str) -> set[str]:
    """The names that are imported in files that are written."""
    texts = [Path(__file__).with_name(f"{each}.py.j2").read_text() for each in patterns]
    plain = re.sub('<<"|" .*?>>', "", "\n".join(texts))
    lines = "\n".join(re.findall(r"(?m)^from .+ import (.+)$", plain))
    return {*re.findall(r"(?m)(?<![\w>])\w+(?=,|$)", lines)}


IMPORTED = imported("imports", "model", "schemas") | {"factory", "pytest"}


class Refused(Exception):
    """Why a resource cannot be written, in a sentence for the person who typed the command."""


@dataclass
class Names:
    many: str  # invoices: the files, the table, the function `list_invoices`
    one: str  # invoice
    Model: str  # Invoice

    def __post_init__(self) -> None:
        self.path = f"/{self.many.replace('_', '-')}"
        self.humans, self.human = self.many.replace("_", " "), self.one.replace("_", " ")
        self.a = "an" if re.match("[aeio]|u(?!ni|se|sa|t)", self.one) else "a"


def names_of(many: str, singular: str | None) -> Names:
    one = singular or singularize(many)
    refuse_word(many, {*dir(builtins), *RESERVED_WORDS}, longest=30)
    refuse_word(one, dir(builtins), longest=30)
    if one == many or (not singular and pluralize(one) != many):
        raise Refused(f"What is one of {many}? Say it: --singular WORD.")
    return checked(Names(many, one, camelize(one)))


def names_of_model(model: type) -> Names:
    file = model.__module__.rpartition(".")[2]
    return Names(file, underscore(model.__name__), model.__name__)


def checked(names: Names) -> Names:
    collected = names.Model.startswith("Test")  # pytest takes it for tests
    taken = {*ONES.split(), *IMPORTED}
    if collected or names.many in PATHS or {names.one, names.Model} & taken:
        raise Refused(f"{names.one} has another meaning in the files of a resource: take another.")
    return names


def refuse_word(name: str, taken: Collection[str], longest: int = 50) -> None:
    if not re.fullmatch("[a-z][a-z0-9_]*", name) or len(name) > longest:
        raise Refused(f"{name} is no name: take up to {longest} of a to z, 0 to 9 and _.")
    if keyword.iskeyword(name) or name in taken:
        raise Refused(f"{name} is a word of Python, SQL, SQLAlchemy or Pydantic: take another.")
