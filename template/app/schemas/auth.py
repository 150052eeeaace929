from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from app.schemas.base import NO_NUL, GivenSecret, Input, NewPassword


class TokenForm(BaseModel):
    """OAuth2's password form (RFC 6749, section 4.3). Fields it does not need are ignored."""

    model_config = ConfigDict(extra="ignore")

    grant_type: Literal["password"] = "password"
    username: Annotated[str, Field(min_length=1, max_length=254, pattern=NO_NUL)]
    password: GivenSecret


class RefreshRequest(Input):
    refresh_token: GivenSecret


class PasswordReset(Input):
    reset_token: GivenSecret
    new_password: NewPassword


class ResetTokenRead(BaseModel):
    reset_token: str
    expires_in: int


class TokenRead(BaseModel):
    access_token: str
    refresh_token: str
    token_type: Literal["bearer"] = "bearer"  # noqa: S105 - RFC 6750's name for the kind
    expires_in: int
