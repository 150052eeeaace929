from sqlalchemy.ext.asyncio import AsyncSession

from app.models.users import User
from app.passwords import hash_password
from app.repos import users as user_repo

PASSWORD = "sample data only"
NAMES = ["Ada", "Barbara", "Grace"]


async def seed(db: AsyncSession) -> list[User]:
    return [await find_or_create(db, name) for name in NAMES]


async def find_or_create(db: AsyncSession, name: str) -> User:
    email = f"{name.lower()}@example.com"
    if user := await user_repo.find_by_email(db, email):
        return user
    password_hash = await hash_password(PASSWORD)
    return await user_repo.save(db, User(email=email, name=name, password_hash=password_hash))
