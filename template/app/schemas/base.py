"""What every request model shares, and the field types that several of them use."""

import re
import unicodedata
from datetime import UTC, datetime, time
from decimal import Decimal
from math import isfinite
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    JsonValue,
    Secret,
)
from pydantic.config import JsonDict

# PostgreSQL stores any text but NUL. The pattern refuses it, and with it broken Unicode.
NO_NUL = r"^[^\x00]*$"

# Before the @: words in any script, joined by dots, without characters that need quotes or are
# invisible. After it: a domain in ASCII (`xn--…` for other scripts) with a dot. The OpenAPI
# document has the pattern, so that a client can check the same.
WORD = r"""[^\s\x00-\x20\x7f-\xa0\u2000-\u206f\ufeff"(),.:;<>@\[\\\]]+"""
LABEL = "[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
EMAIL = rf"^{WORD}(\.{WORD})*@({LABEL}\.)+{LABEL}$"

# The default of a field that a PATCH may leave out; null is not a way to leave it out. It is
# never used: services ask for the fields that were set.
LEFT_OUT: Any = Field(default_factory=str)

HIDDEN: JsonDict = {"format": "password", "writeOnly": True}


def normalise_email(text: str) -> str:
    """One spelling per address, in any case or Unicode form, so that it has one account."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", text).casefold())


Email = Annotated[str, Field(max_length=254, pattern=EMAIL), AfterValidator(normalise_email)]
# `.get_secret_value()` is the text; printed or logged, these are asterisks.
GivenSecret = Secret[
    Annotated[str, Field(min_length=1, max_length=1000, pattern=NO_NUL, json_schema_extra=HIDDEN)]
]
NewPassword = Secret[
    Annotated[str, Field(min_length=15, max_length=128, pattern=NO_NUL, json_schema_extra=HIDDEN)]
]


def storable(value: JsonValue, levels: int = 64) -> JsonValue:
    """Refuse what a column of type JSONB cannot hold, or what is too deep to be sent back."""
    if isinstance(value, dict):
        storable([*value, *value.values()], levels)
    elif isinstance(value, list) and levels > 0:
        for inner in value:
            storable(inner, levels - 1)
    elif isinstance(value, list):
        raise ValueError("JSON may be 64 levels deep.")
    elif isinstance(value, float) and not isfinite(value):
        raise ValueError("A number in JSON is finite.")
    elif isinstance(value, str) and re.search("[\0\ud800-\udfff]", value):
        raise ValueError("A text in JSON may have no NUL and no half of a surrogate pair.")
    return value


# JSON of any form, for a column of type JSONB. How large it is, the limit of the body decides.
Json = Annotated[JsonValue, AfterValidator(storable)]
JsonObject = Annotated[
    dict[Annotated[str, Field(max_length=200, pattern=NO_NUL)], Json], Field(max_length=1000)
]


def in_utc(value: datetime) -> datetime:
    try:
        return value.astimezone(UTC)
    except OverflowError:
        raise ValueError("A time has a year from 1 to 9999 in UTC, too.") from None


def without_offset(value: time) -> time:
    if value.tzinfo is not None:
        raise ValueError("A time of day has no offset.")
    return value


def scaled(places: int) -> AfterValidator:
    """Write a decimal as its column, Numeric(…, `places`), gives it back: 1.5 as 1.50."""
    return AfterValidator(lambda value: Decimal(f"{value:z.{places}f}"))


# The id of another row; the foreign key says whether it exists.
Reference = Annotated[int, Field(gt=0, lt=2**63)]
Moment = Annotated[AwareDatetime, AfterValidator(in_utc)]
ClockTime = Annotated[time, AfterValidator(without_offset)]


class Input(BaseModel):
    """A request body. A field it does not name is refused, not ignored."""

    model_config = ConfigDict(extra="forbid")
