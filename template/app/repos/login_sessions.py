from datetime import datetime

from sqlalchemy import delete as delete_from
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import joinedload

from app.models.login_sessions import LoginSession

WITH_USER = select(LoginSession).options(joinedload(LoginSession.user, innerjoin=True))


async def find(db: AsyncSession, session_id: int) -> LoginSession | None:
    """Find a session, with eager loading of its user: every signed-in request needs both."""
    result = await db.execute(WITH_USER.where(LoginSession.id == session_id))
    return result.scalars().one_or_none()


async def find_by_family(db: AsyncSession, family_hash: str) -> LoginSession | None:
    """Find the session of a refresh token and lock it: two requests with it run one by one."""
    stmt = WITH_USER.where(LoginSession.family_hash == family_hash)
    result = await db.execute(stmt.with_for_update(of=LoginSession))
    return result.scalars().one_or_none()


async def save(db: AsyncSession, session: LoginSession) -> LoginSession:
    """Flush now: a broken constraint is an error here, and not at commit."""
    db.add(session)
    await db.flush()
    return session


async def delete(db: AsyncSession, session_id: int) -> None:
    await db.execute(delete_from(LoginSession).where(LoginSession.id == session_id))


async def delete_all_of(db: AsyncSession, user_id: int) -> None:
    await db.execute(delete_from(LoginSession).where(LoginSession.user_id == user_id))


async def delete_expired_of(db: AsyncSession, user_id: int, now: datetime) -> None:
    await db.execute(
        delete_from(LoginSession).where(
            LoginSession.user_id == user_id, LoginSession.expires_at <= now
        )
    )
