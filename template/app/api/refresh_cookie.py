"""With REFRESH_TOKEN_COOKIE, a browser keeps half of the refresh token where no script reads it.

The half in the body finds the session, the half in the cookie proves that it is the same browser.
XSS cannot steal the second, and CSRF does not know the first.
"""

from typing import Annotated

from fastapi import Depends, Request, Response

from app.api import PREFIX
from app.config import settings
from app.schemas.auth import TokenRead

NAME = "refresh_token"


class RefreshCookie:
    """Splits the tokens of a response, and joins those of a request. Does nothing if it is off."""

    def __init__(self, request: Request, response: Response) -> None:
        self.request = request
        self.response = response

    def join(self, refresh_token: str) -> str:
        if not settings.refresh_token_cookie:
            return refresh_token
        secret = self.request.cookies.get(NAME)
        return f"{refresh_token}.{secret}" if secret else ""  # no cookie is no reuse

    def split(self, tokens: TokenRead) -> TokenRead:
        if not settings.refresh_token_cookie:
            return tokens
        family, _, secret = tokens.refresh_token.partition(".")
        self.response.set_cookie(
            NAME,
            secret,
            max_age=settings.refresh_token_days * 24 * 60 * 60,
            path=f"{self.request.scope['root_path']}{PREFIX}/auth",
            secure=True,
            httponly=True,
            samesite="strict",
        )
        return tokens.model_copy(update={"refresh_token": family})


RefreshCookieDep = Annotated[RefreshCookie, Depends()]
