"""What a resource is called, and the names that it cannot have."""

import builtins
import keyword
import re
from dataclasses import dataclass

from inflection import camelize, pluralize, singularize, underscore
from sqlalchemy.dialects.postgresql.base import RESERVED_WORDS

from refusal import Refused

# Variables, functions and fixtures of the files that are written, or that tests have already.
ONES = "admin after app before client committed create created cursor db delete deleted editor"
ONES += " field find first headers limit method other page payload read request response result"
ONES += " router save second sent statements stmt taken update user value"
# Classes that they import.
MODELS = (
    "Annotated Any AsyncClient AsyncSession Base Clock Cursor Date Decimal Enum Field Forbidden"
)
MODELS += " Headers Index Input Integer Json Literal Mapped Moment Numeric Page Record String Text"
MODELS += " Time User Uuid"


@dataclass
class Names:
    many: str  # invoices: the files, the table, the function `list_invoices`
    one: str  # invoice
    Model: str  # Invoice

    @property
    def path(self) -> str:
        return f"/{self.many.replace('_', '-')}"

    @property
    def humans(self) -> str:
        return self.many.replace("_", " ")

    @property
    def human(self) -> str:
        return self.one.replace("_", " ")

    @property
    def a(self) -> str:
        return "an" if re.match("[aeio]|u(?!ni|se|sa|t)", self.one) else "a"


def names_of(many: str, singular: str | None) -> Names:
    one = singular or singularize(many)
    for name in (many, one):
        if not re.fullmatch("[a-z][a-z0-9_]{,29}", name):
            raise Refused(f"{name} is no name: 30 letters at most, such as order_lines.")
        if keyword.iskeyword(name) or hasattr(builtins, name) or name in RESERVED_WORDS:
            raise Refused(f"{name} is a word of Python or SQL: take another.")
    if one == many or (not singular and pluralize(one) != many):
        raise Refused(f"What is one of {many}? Say it: --singular WORD.")
    return checked(Names(many, one, camelize(one)))


def names_of_model(many: str, model: type) -> Names:
    return checked(Names(many, underscore(model.__name__), model.__name__))


def checked(names: Names) -> Names:
    if names.one in ONES.split() or names.Model in MODELS.split():
        raise Refused(f"{names.one} has another meaning in the files of a resource: take another.")
    return names
