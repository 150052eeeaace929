"""The service, with cheap passwords and one more door, of which its document knows nothing."""

from pwdlib import PasswordHash
from pwdlib.hashers.argon2 import Argon2Hasher
from sqlalchemy.ext.asyncio import AsyncSession

from app import security
from app.api.deps import DbSession
from app.main import app
from app.models.users import Role, User
from app.repos import users as user_repo
from app.schemas.auth import TokenRead
from app.services import login_sessions as login_session_service

ACCOUNTS = ("admin", "user", "other", "leaver")
PASSWORD = "correct horse battery staple"  # `schemathesis.toml` knows it too

# Otherwise hashing would take nine tenths of the time.
cheap = Argon2Hasher(time_cost=1, memory_cost=8, parallelism=1)
security._hasher = PasswordHash((cheap,))


@app.post("/fuzzing/{name}", response_model=TokenRead, include_in_schema=False)
async def sign_in(name: str, db: DbSession) -> TokenRead:
    """Sign in, after putting right what the requests may have done to the accounts."""
    accounts = {known: await restored(db, known) for known in ACCOUNTS}
    return await login_session_service.start(db, accounts[name])


async def restored(db: AsyncSession, name: str) -> User:
    email = f"{name}@example.com"
    user = await user_repo.find_by_email(db, email) or User(email=email, name=name)
    user.password_hash = await security.hash_password(PASSWORD)
    user.role = Role.ADMIN if name == "admin" else Role.USER
    user.disabled = False
    return await user_repo.save(db, user)
