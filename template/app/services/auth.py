"""Signing in and out."""

from sqlalchemy.ext.asyncio import AsyncSession

from app.schemas.auth import TokenForm
from app.schemas.base import normalise_email
from app.services import login_sessions as login_session_service
from app.services import passwords as password_service
from app.services.login_sessions import Tokens


async def login(db: AsyncSession, form: TokenForm) -> Tokens:
    email = normalise_email(form.username)
    user = await password_service.check(db, email, form.password.get_secret_value())
    return await login_session_service.start(db, user)
