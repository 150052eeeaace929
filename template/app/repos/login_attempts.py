from datetime import datetime

from sqlalchemy import case, or_, select, update
from sqlalchemy import delete as delete_from
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from app.models.login_attempts import LoginAttempts

SWEPT = 100  # rows at a time: a login must not become a long transaction


async def count(db: AsyncSession, key: str, *, now: datetime, ends_at: datetime) -> LoginAttempts:
    """Count one more, in one atomic statement. After `ends_at` the count starts again."""
    over = LoginAttempts.ends_at <= now
    stmt = insert(LoginAttempts).values(key=key, count=1, ends_at=ends_at)
    stmt = stmt.on_conflict_do_update(
        index_elements=[LoginAttempts.key],
        set_={
            "count": case((over, 1), else_=LoginAttempts.count + 1),
            "ends_at": case((over, ends_at), else_=LoginAttempts.ends_at),
        },
    )
    result = await db.execute(stmt.returning(LoginAttempts))
    return result.scalars().one()


async def subtract(db: AsyncSession, key: str) -> None:
    stmt = update(LoginAttempts).where(LoginAttempts.key == key, LoginAttempts.count > 0)
    await db.execute(stmt.values(count=LoginAttempts.count - 1))


async def delete(db: AsyncSession, key: str, now: datetime) -> None:
    """Delete this key and some expired ones, but none that another transaction has locked."""
    over = select(LoginAttempts.key).where(LoginAttempts.ends_at <= now).limit(SWEPT)
    swept = LoginAttempts.key.in_(over.with_for_update(skip_locked=True))
    await db.execute(delete_from(LoginAttempts).where(or_(LoginAttempts.key == key, swept)))
