"""Checking, changing and resetting passwords. No database connection waits for the hashing.

Hashing takes 100 ms of CPU. So this is the one module that opens short sessions of its own: each
gives its connection back before the hashing starts. They use the bind of the request's session,
which has no connection yet; a test that binds its session to one connection sees its own rows.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from sqlalchemy.ext.asyncio import AsyncSession
from structlog import get_logger

from app.errors import Busy, Forbidden, Invalid, InvalidToken, NotFound, Unauthorized
from app.models.users import User
from app.passwords import easy_to_guess, hash_password, verify_password
from app.repos import users as user_repo
from app.schemas.auth import ResetTokenRead
from app.services import login_attempts as login_attempt_service
from app.services import login_sessions as login_session_service
from app.tokens import RESET_LIFETIME, create_reset_token, fingerprint, read_reset_token

logger = get_logger(__name__)

SPENT = "This token was used before, or is too old. Ask for another."


async def check(db: AsyncSession, email: str, password: str, attempts: str) -> User:
    """Return the user with this e-mail and password, and lock the row.

    Raises `TooManyAttempts`, or `Unauthorized`: with the same text and after the same time for
    every reason, which prevents enumeration of accounts.
    """
    async with _short_session(db) as short, short.begin():
        await login_attempt_service.count(short, attempts)
        seen = await user_repo.find_by_email(short, email)
    async with _uncounted_if_busy(db, attempts):
        fits, new_hash = await verify_password(password, seen.password_hash if seen else None)
    user = await _lock_unchanged(db, seen) if fits and seen else None
    if user is None:
        logger.warning("sign_in_refused", user_id=seen.id if seen else None)
        raise Unauthorized("The e-mail or the password is wrong.")
    user.password_hash = new_hash or user.password_hash
    return user


def _short_session(db: AsyncSession) -> AsyncSession:
    return AsyncSession(db.bind, expire_on_commit=False)


@asynccontextmanager
async def _uncounted_if_busy(db: AsyncSession, attempts: str) -> AsyncIterator[None]:
    """Or load would become a lockout: nothing was tried."""
    try:
        yield
    except Busy:
        async with _short_session(db) as short, short.begin():
            await login_attempt_service.take_back(short, attempts)
        raise


async def hash_new(password: str, *about: str) -> str:
    """Hash a new password. Raises `Invalid` for one that is easy to guess."""
    if await easy_to_guess(password, about):
        raise Invalid("This password is easy to guess. Take four random words, for example.")
    return await hash_password(password)


async def change(db: AsyncSession, access_token: str, current: str, new: str) -> None:
    """Set a new password for the user of an access token.

    Attempts are limited here too, or a stolen token would allow brute force of the password.
    Raises `InvalidToken`, `TooManyAttempts`, `Forbidden` for the current password, and `Invalid`.
    """
    async with _short_session(db) as short, short.begin():
        seen = await login_session_service.find_user(short, access_token)
        if seen is None:
            raise InvalidToken("Sign in first.")
        attempts = login_attempt_service.key_of_user(seen.id)
        await login_attempt_service.count(short, attempts)
    async with _uncounted_if_busy(db, attempts):
        fits, _ = await verify_password(current, seen.password_hash)
        if not fits:
            logger.warning("password_refused", user_id=seen.id)
            raise Forbidden("The current password is wrong.")
        new_hash = await hash_new(new, seen.email, seen.name)
    # During the hashing, the token may have been revoked, or the password changed.
    await user_repo.lock(db, seen.id)
    user = await login_session_service.find_user(db, access_token)
    if user is None or user.password_hash != seen.password_hash:
        raise InvalidToken("Sign in first.")
    await login_attempt_service.forget(db, attempts)
    await _store(db, user, new_hash)


async def allow_reset(db: AsyncSession, user_id: int, admin: User) -> ResetTokenRead:
    """Make the one-time token that an admin gives to a user who forgot their password."""
    user = await user_repo.find(db, user_id)
    if user is None:
        raise NotFound("There is no such user.")
    logger.warning("password_reset_allowed", user_id=user_id, admin_id=admin.id)
    token = create_reset_token(user.id, user.password_hash)
    return ResetTokenRead(reset_token=token, expires_in=int(RESET_LIFETIME.total_seconds()))


async def reset(db: AsyncSession, reset_token: str, new: str) -> None:
    """Set a new password with a reset token. Raises `Unauthorized` for the token, and `Invalid`."""
    token = read_reset_token(reset_token)
    async with _short_session(db) as short, short.begin():
        seen = await user_repo.find(short, token.user_id) if token else None
    if token is None or seen is None or fingerprint(seen.password_hash) != token.fingerprint:
        logger.warning("password_reset_refused", user_id=seen.id if seen else None)
        raise Unauthorized(SPENT)
    new_hash = await hash_new(new, seen.email, seen.name)
    user = await _lock_unchanged(db, seen)
    if user is None:
        raise Unauthorized(SPENT)
    await _store(db, user, new_hash)


async def _store(db: AsyncSession, user: User, new_hash: str) -> None:
    """Store the new hash, and revoke every session: an attacker may know the old password."""
    user.password_hash = new_hash
    await user_repo.save(db, user)
    await login_session_service.end_all(db, user)
    logger.info("password_changed", user_id=user.id)


async def _lock_unchanged(db: AsyncSession, seen: User) -> User | None:
    """Lock the user. None if the account is disabled or gone, or has another password by now."""
    user = await user_repo.lock(db, seen.id)
    if user is None or user.disabled or user.password_hash != seen.password_hash:
        return None
    return user
