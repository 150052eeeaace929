"""The rules of login sessions: refresh-token rotation, reuse detection, and revocation."""

from datetime import timedelta

from sqlalchemy.ext.asyncio import AsyncSession
from structlog import get_logger
from structlog.contextvars import bind_contextvars

from app.config import settings
from app.db.base import utc_now
from app.errors import Recorded, Unauthorized
from app.models.login_sessions import LoginSession
from app.models.users import User
from app.repos import login_sessions as login_session_repo
from app.schemas.auth import TokenRead
from app.tokens import create_access_token, fingerprint, new_secret, read_access_token

logger = get_logger(__name__)

REUSE_INTERVAL = settings.refresh_token_reuse_seconds
MOST_SECRETS = 10  # of one session: enough for its tabs, and no client can make the row grow


class RefreshTokenReused(Recorded, Unauthorized):
    """The token was used twice: it may be stolen. The session is revoked, and stays revoked."""


async def start(db: AsyncSession, user: User) -> TokenRead:
    now = utc_now()
    user.last_login_at = now
    await login_session_repo.delete_expired_of(db, user.id, now)
    family, secret = new_secret(), new_secret()
    session = LoginSession(
        user_id=user.id,
        family_hash=fingerprint(family),
        secret_hash=fingerprint(secret),
        expires_at=now + timedelta(days=settings.refresh_token_days),
    )
    await login_session_repo.save(db, session)
    return tokens_of(session, f"{family}.{secret}")


async def refresh(db: AsyncSession, refresh_token: str) -> TokenRead:
    """Rotate a refresh token. Reuse may be an attack, and revokes the session.

    Within the reuse interval it is none: two browser tabs use one token at the same time, and each
    gets a token of its own.
    """
    family, _, secret = refresh_token.partition(".")
    session = await login_session_repo.find_by_family(db, fingerprint(family))
    if session is None or session.user.disabled or session.expires_at <= utc_now():
        raise Unauthorized("This refresh token is not valid. Sign in again.")
    if not _use(session, fingerprint(secret)):
        await login_session_repo.delete(db, session.id)
        logger.warning("refresh_token_reused", user_id=session.user_id)
        raise RefreshTokenReused("This refresh token was used before. Sign in again.")
    secret = new_secret()
    session.secret_hash = fingerprint(secret)
    await login_session_repo.save(db, session)
    return tokens_of(session, f"{family}.{secret}")


def _use(session: LoginSession, secret_hash: str) -> bool:
    """Whether the secret is valid. If it is, it ends after the reuse interval."""
    now = utc_now().timestamp()
    newest = session.secret_hash, None
    valid = {key: end for key, end in [*session.other_secrets, newest] if end is None or end > now}
    if secret_hash not in valid:
        return False
    valid[secret_hash] = valid.pop(secret_hash) or now + REUSE_INTERVAL
    session.other_secrets = [*valid.items()][-MOST_SECRETS:]
    return True


def tokens_of(session: LoginSession, refresh_token: str) -> TokenRead:
    return TokenRead(
        access_token=create_access_token(session.user_id, session.id),
        refresh_token=refresh_token,
        expires_in=settings.access_token_minutes * 60,
    )


async def find_user(db: AsyncSession, access_token: str) -> User | None:
    """Return the user of a valid access token whose session was not revoked, or None."""
    token = read_access_token(access_token)
    session = await login_session_repo.find(db, token.session_id) if token else None
    if session is None or session.user.disabled or session.expires_at <= utc_now():
        return None
    bind_contextvars(user_id=session.user_id)  # for every later line of the request
    return session.user if token and session.user_id == token.user_id else None


async def end(db: AsyncSession, access_token: str) -> None:
    if token := read_access_token(access_token):
        await login_session_repo.delete(db, token.session_id)
        logger.info("signed_out", user_id=token.user_id)


async def end_all(db: AsyncSession, user: User) -> None:
    await login_session_repo.delete_all_of(db, user.id)
