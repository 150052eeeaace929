"""What every request model shares, and the field types that several of them use."""

import unicodedata
from contextlib import suppress
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    EmailStr,
    Field,
    SecretStr,
    validate_email,
)

# PostgreSQL stores any text but NUL. The pattern refuses it, and with it broken Unicode.
NO_NUL = r"^[^\x00]*$"

# The default of a field that a PATCH may leave out; null is not a way to leave it out. Nobody
# reads it: services ask for the fields that were set.
LEFT_OUT: Any = Field(default_factory=str)


def normalise_email(text: str) -> str:
    """One spelling per address, whatever its case or Unicode form. No address stays as it is."""
    with suppress(ValueError):
        _, text = validate_email(text)
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", text).casefold())


def refuse_broken_unicode(secret: SecretStr) -> SecretStr:
    """Half a surrogate pair can be sent in JSON, but neither hashed nor stored."""
    try:
        secret.get_secret_value().encode()
    except UnicodeEncodeError:
        raise ValueError("This is not valid Unicode.") from None
    return secret


Email = Annotated[EmailStr, Field(max_length=254), AfterValidator(normalise_email)]
Secret = Annotated[
    SecretStr, Field(min_length=1, max_length=200), AfterValidator(refuse_broken_unicode)
]
Password = Annotated[
    SecretStr, Field(min_length=15, max_length=128), AfterValidator(refuse_broken_unicode)
]


class Input(BaseModel):
    """A request body. A field it does not name is refused, not ignored."""

    model_config = ConfigDict(extra="forbid")
