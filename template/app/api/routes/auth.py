from typing import Annotated

from fastapi import APIRouter, Form

from app.api.access import public
from app.api.client import ClientAddress
from app.api.deps import AccessToken, CurrentUser, DbSession
from app.api.refresh_cookie import RefreshCookieDep
from app.models.users import User
from app.schemas.auth import PasswordReset, RefreshRequest, TokenForm, TokenRead
from app.schemas.users import UserCreate, UserRead
from app.services import auth as auth_service
from app.services import login_sessions as login_session_service
from app.services import passwords as password_service
from app.services import users as user_service

router = APIRouter(prefix="/auth", tags=["auth"])


@router.post("/register", response_model=UserRead, status_code=201)
@public
async def register(payload: UserCreate, db: DbSession) -> User:
    """Open an account."""
    return await user_service.register(db, payload)


@router.post("/token", response_model=TokenRead, responses={429: {}})
@public
async def login(
    form: Annotated[TokenForm, Form()],
    address: ClientAddress,
    cookie: RefreshCookieDep,
    db: DbSession,
) -> TokenRead:
    """Sign in: exchange an e-mail, as `username`, and a password for tokens."""
    return cookie.split(await auth_service.login(db, form, address))


@router.post("/refresh", response_model=TokenRead)
@public
async def refresh(payload: RefreshRequest, cookie: RefreshCookieDep, db: DbSession) -> TokenRead:
    """Exchange a refresh token for new tokens. Each works once; a later use ends the session."""
    token = cookie.join(payload.refresh_token.get_secret_value())
    return cookie.split(await login_session_service.refresh(db, token))


@router.post("/logout", status_code=204, response_model=None)
async def logout(user: CurrentUser, token: AccessToken, db: DbSession) -> None:
    """Sign out: the session's access and refresh tokens end now."""
    await login_session_service.end(db, token)


@router.post("/password-reset", status_code=204, response_model=None)
@public
async def reset_password(payload: PasswordReset, db: DbSession) -> None:
    """Set a new password with the token that an admin gave you. Every session ends: sign in."""
    token, new = payload.reset_token, payload.new_password
    await password_service.reset(db, token.get_secret_value(), new.get_secret_value())
