"""How often somebody may try to sign in to an account: after that they wait.

What counts is the pair of account and network, so nobody is locked out by others, and the count
is in the database, so it is the same for all processes.
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
    """For attempts of somebody who is signed in, but may have found the token."""
    return keyed_fingerprint(f"user {user_id}")


def network_of(address: str) -> str:
    """Who holds one IPv6 address holds 2 to the 64 of them."""
    try:
        ip = ip_address(address)
    except ValueError:
        return address  # a server on a Unix socket knows none
    if not isinstance(ip, IPv6Address):
        return address
    return str(ip.ipv4_mapped or IPv6Network((int(ip), 64), strict=False))


async def count(db: AsyncSession, key: str) -> None:
    """Count an attempt, before its password is checked: of many at once, not all shall pass.

    `db` must not wait for a commit. Raises `TooManyAttempts`.
    """
    now = utc_now()
    attempts = await login_attempt_repo.count(db, key, now=now, ends_at=now + WINDOW)
    if attempts.count > ALLOWED:
        logger.warning("too_many_attempts", attempts=attempts.count)
        raise TooManyAttempts(attempts.ends_at - now)


async def forget(db: AsyncSession, key: str) -> None:
    """The password was right."""
    await login_attempt_repo.delete(db, key, utc_now())
