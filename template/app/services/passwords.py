"""Checking a password takes 100 ms of CPU. No database connection waits for that.

This is the one module that opens short sessions of its own: each reads, and gives its connection
back before the hashing starts. It borrows the bind of the request's session, which has not taken
a connection yet; so a test that binds its session to one connection sees its own rows here.
"""

from sqlalchemy.ext.asyncio import AsyncSession

from app.errors import Forbidden, Unauthorized
from app.models.users import User
from app.repos import users as user_repo
from app.security import hash_password, verify_password
from app.services import login_sessions as login_session_service


async def check(db: AsyncSession, email: str, password: str) -> User:
    """Return whose e-mail and password these are, their row locked.

    Raises `Unauthorized` with one sentence, whatever was wrong.
    """
    async with AsyncSession(db.bind) as short:
        seen = await user_repo.find_by_email(short, email)
    fits, new_hash = await verify_password(password, seen.password_hash if seen else None)
    user = await _lock_unchanged(db, seen) if fits and seen else None
    if user is None or user.disabled:
        raise Unauthorized("The e-mail or the password is wrong.")
    user.password_hash = new_hash or user.password_hash
    return user


async def change(db: AsyncSession, access_token: str, current: str, new: str) -> User:
    """Return who is signed in, their row locked, their password changed.

    Raises `Unauthorized` for the token and `Forbidden` for the current password.
    """
    async with AsyncSession(db.bind) as short:
        seen = await login_session_service.find_user(short, access_token)
    if seen is None:
        raise Unauthorized("Sign in first.")
    fits, _ = await verify_password(current, seen.password_hash)
    if not fits:
        raise Forbidden("The current password is wrong.")
    new_hash = await hash_password(new)
    user = await _lock_unchanged(db, seen)
    # Nor may somebody who signed out meanwhile, or was disabled, get a new password.
    if user is None or await login_session_service.find_user(db, access_token) is None:
        raise Unauthorized("Sign in first.")
    user.password_hash = new_hash
    return user


async def _lock_unchanged(db: AsyncSession, seen: User) -> User | None:
    """While the password was checked, the account may have got another one, or gone."""
    user = await user_repo.lock(db, seen.id)
    return user if user and user.password_hash == seen.password_hash else None
