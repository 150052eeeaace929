from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from app.schemas.base import NO_NUL, Input, Secret


class TokenForm(BaseModel):
    """OAuth2's password form (RFC 6749, section 4.3). Fields it does not need are ignored."""

    model_config = ConfigDict(extra="ignore")

    grant_type: Literal["password"] = "password"
    username: Annotated[str, Field(min_length=1, max_length=254, pattern=NO_NUL)]
    password: Secret


class RefreshRequest(Input):
    refresh_token: Secret


class TokenRead(BaseModel):
    access_token: str
    refresh_token: str
    token_type: Literal["bearer"] = "bearer"  # noqa: S105 - RFC 6750's name for the kind
    expires_in: int
