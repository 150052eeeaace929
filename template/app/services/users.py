"""The rules of accounts: an e-mail has one, and there is always an admin left."""

from sqlalchemy.ext.asyncio import AsyncSession
from structlog import get_logger

from app.errors import Conflict, Forbidden, NotFound
from app.models.users import Role, User
from app.pagination import Cursor, Page
from app.repos import users as user_repo
from app.schemas.users import UserAdminUpdate, UserCreate, UserUpdate
from app.services import login_sessions as login_session_service
from app.services import passwords as password_service

logger = get_logger(__name__)


async def register(db: AsyncSession, payload: UserCreate) -> User:
    password = payload.password.get_secret_value()
    password_hash = await password_service.hash_new(password, payload.email, payload.name)
    user = User(email=payload.email, name=payload.name, password_hash=password_hash)
    await user_repo.save(db, user)
    logger.info("registered", user_id=user.id)
    return user


async def page(db: AsyncSession, *, limit: int, cursor: str | None = None) -> Page[User]:
    after = Cursor.decode(cursor) if cursor else None
    users = await user_repo.list_users(db, limit=limit + 1, after=after)
    return Page.of(users, limit)


async def read(db: AsyncSession, user_id: int, reader: User) -> User:
    """Users may read their own account, an admin any. To others it does not exist: no IDOR."""
    user = await user_repo.find(db, user_id)
    if user is None or (user.id != reader.id and reader.role != Role.ADMIN):
        raise NotFound("There is no such user.")
    return user


async def update(db: AsyncSession, payload: UserUpdate, user: User) -> User:
    for field, value in payload.model_dump(exclude_unset=True).items():
        setattr(user, field, value)
    return await user_repo.save(db, user)


async def delete(db: AsyncSession, user: User) -> None:
    if user.role == Role.ADMIN:
        raise Conflict("An admin cannot leave. Let another admin change your role first.")
    await user_repo.delete(db, user)
    logger.info("account_deleted", user_id=user.id)


async def update_as_admin(
    db: AsyncSession, user_id: int, payload: UserAdminUpdate, admin: User
) -> User:
    if user_id == admin.id:
        raise Conflict("An admin cannot change their own role or disable themselves.")
    admins = await user_repo.lock_admins(db)  # or two admins could demote each other at once
    if admin not in admins or admin.disabled:
        raise Forbidden("You are no longer an admin.")
    user = await read(db, user_id, admin)
    changes = payload.model_dump(exclude_unset=True)
    for field, value in changes.items():
        setattr(user, field, value)
    logger.warning("account_changed", user_id=user.id, admin_id=admin.id, changes=changes)
    if user.disabled:
        await login_session_service.end_all(db, user)
    return await user_repo.save(db, user)
