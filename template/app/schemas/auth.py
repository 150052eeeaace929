from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr

from app.schemas.base import NO_NUL, Input


class TokenForm(BaseModel):
    """OAuth2's password form (RFC 6749, section 4.3). Fields it does not need are ignored."""

    model_config = ConfigDict(extra="ignore")

    grant_type: Literal["password"] = "password"
    username: Annotated[str, Field(min_length=1, max_length=254, pattern=NO_NUL)]
    password: Annotated[SecretStr, Field(min_length=1, max_length=128)]


class RefreshRequest(Input):
    refresh_token: Annotated[SecretStr, Field(min_length=1, max_length=200)]


class TokenRead(BaseModel):
    access_token: str
    refresh_token: str
    token_type: Literal["bearer"] = "bearer"  # noqa: S105 - RFC 6750's name for the kind
    expires_in: int
