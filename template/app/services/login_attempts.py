"""The rate limit of logins: brute force of a password ends after ten attempts.

It counts by account and network, which prevents the lockout of a user by an attacker elsewhere
(changes of a password: by user), and in the database, so that all processes share the count.
"""

from datetime import timedelta
from ipaddress import IPv6Address, IPv6Network, ip_address

from sqlalchemy.ext.asyncio import AsyncSession
from structlog import get_logger

from app.db.base import utc_now
from app.errors import TooManyAttempts
from app.repos import login_attempts as login_attempt_repo
from app.tokens import keyed_fingerprint

logger = get_logger(__name__)

ALLOWED = 10
WINDOW = timedelta(minutes=15)


def key_of(email: str, address: str) -> str:
    return keyed_fingerprint(f"{network_of(address)} {email}")


def key_of_user(user_id: int) -> str:
    """For the current password of a signed-in caller: an attacker may have stolen the token."""
    return keyed_fingerprint(f"user {user_id}")


def network_of(address: str) -> str:
    """The /64 network of an IPv6 address: one caller may use any address in it."""
    try:
        ip = ip_address(address)
    except ValueError:
        return address  # a server on a Unix socket knows none
    if not isinstance(ip, IPv6Address):
        return address
    return str(ip.ipv4_mapped or IPv6Network((int(ip), 64), strict=False))


async def count(db: AsyncSession, key: str) -> None:
    """Count an attempt before its password is checked, or parallel ones would pass the limit.

    `db` is a short session of its own. Raises `TooManyAttempts`.
    """
    now = utc_now()
    attempts = await login_attempt_repo.count(db, key, now=now, ends_at=now + WINDOW)
    if attempts.count > ALLOWED:
        logger.warning("too_many_attempts", attempts=attempts.count)
        raise TooManyAttempts(attempts.ends_at - now)


async def take_back(db: AsyncSession, key: str) -> None:
    """Do not count an attempt whose password was never checked."""
    await login_attempt_repo.subtract(db, key)


async def forget(db: AsyncSession, key: str) -> None:
    """Start again from zero: the password was right."""
    await login_attempt_repo.delete(db, key, utc_now())
