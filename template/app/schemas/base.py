"""What every request model shares, and the field types that several of them use."""

import unicodedata
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, EmailStr, Field, SecretStr

# PostgreSQL stores any text but NUL. The pattern refuses it, and with it broken Unicode.
NO_NUL = r"^[^\x00]*$"

# The default of a field that a PATCH may leave out; null is not a way to leave it out. Nobody
# reads it: services ask for the fields that were set.
LEFT_OUT: Any = Field(default_factory=str)


def normalise_email(email: str) -> str:
    """One spelling per address, whatever its case or Unicode form."""
    return unicodedata.normalize("NFC", email).lower()


Email = Annotated[EmailStr, Field(max_length=254), AfterValidator(normalise_email)]
Password = Annotated[SecretStr, Field(min_length=15, max_length=128)]


class Input(BaseModel):
    """A request body. A field it does not name is refused, not ignored."""

    model_config = ConfigDict(extra="forbid")
