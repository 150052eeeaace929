"""What every request model shares, and the field types that several of them use."""

import unicodedata
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, Secret
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


class Input(BaseModel):
    """A request body. A field it does not name is refused, not ignored."""

    model_config = ConfigDict(extra="forbid")
