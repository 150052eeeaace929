from sqlalchemy import select, tuple_
from sqlalchemy.ext.asyncio import AsyncSession

from app.models.users import Role, User
from app.pagination import Cursor


async def list_users(
    db: AsyncSession, *, limit: int = 20, after: Cursor | None = None
) -> list[User]:
    stmt = select(User).order_by(User.created_at.desc(), User.id.desc()).limit(limit)
    if after:
        stmt = stmt.where(tuple_(User.created_at, User.id) < after)
    result = await db.execute(stmt)
    return list(result.scalars().all())


async def find(db: AsyncSession, user_id: int) -> User | None:
    result = await db.execute(select(User).where(User.id == user_id))
    return result.scalars().one_or_none()


async def find_by_email(db: AsyncSession, email: str) -> User | None:
    result = await db.execute(select(User).where(User.email == email))
    return result.scalars().one_or_none()


async def lock(db: AsyncSession, user_id: int) -> User | None:
    """Find a user and lock the row until the transaction ends."""
    result = await db.execute(select(User).where(User.id == user_id).with_for_update())
    return result.scalars().one_or_none()


async def lock_admins(db: AsyncSession) -> list[User]:
    """Find the admins and lock their rows until the transaction ends."""
    stmt = select(User).where(User.role == Role.ADMIN).order_by(User.id)
    result = await db.execute(stmt.with_for_update().execution_options(populate_existing=True))
    return list(result.scalars().all())


async def save(db: AsyncSession, user: User) -> User:
    """Flush now: a broken constraint is an error here, and not at commit."""
    db.add(user)
    await db.flush()
    return user


async def delete(db: AsyncSession, user: User) -> None:
    await db.delete(user)
    await db.flush()
