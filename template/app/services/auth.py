"""Signing in."""

from sqlalchemy.ext.asyncio import AsyncSession
from structlog import get_logger

from app.schemas.auth import TokenForm, TokenRead
from app.schemas.base import normalise_email
from app.services import login_attempts as login_attempt_service
from app.services import login_sessions as login_session_service
from app.services import passwords as password_service

logger = get_logger(__name__)


async def login(db: AsyncSession, form: TokenForm, address: str) -> TokenRead:
    email = normalise_email(form.username)
    attempts = login_attempt_service.key_of(email, address)
    user = await password_service.check(db, email, form.password.get_secret_value(), attempts)
    await login_attempt_service.forget(db, attempts)
    logger.info("signed_in", user_id=user.id)
    return await login_session_service.start(db, user)
