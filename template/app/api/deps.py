"""What a route may ask for, each under one short name. Routes import these and nothing deeper."""

from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import Depends, HTTPException, Path, Query, Request
from fastapi.security import OAuth2PasswordBearer
from sqlalchemy.ext.asyncio import AsyncSession

from app.api import PREFIX
from app.api.problems import INVALID_TOKEN
from app.config import Settings, settings
from app.db.read_only import ReadOnlySession
from app.db.session import SessionLocal
from app.errors import Recorded
from app.models.users import Role, User
from app.pagination import CURSOR
from app.services import login_sessions as login_session_service

BIGINT = 2**63 - 1

Id = Annotated[int, Path(gt=0, le=BIGINT)]
Limit = Annotated[int, Query(gt=0, le=100)]
NextPage = Annotated[str | None, Query(alias="cursor", pattern=CURSOR)]


async def _request_session(request: Request) -> AsyncIterator[AsyncSession]:
    """One request, one transaction: committed before the response, or rolled back."""
    if request.method in {"GET", "HEAD"}:
        async with SessionLocal(
            execution_options={"isolation_level": "AUTOCOMMIT"}, sync_session_class=ReadOnlySession
        ) as db:
            yield db
            await db.flush()  # refuses a change that was not flushed: it would be lost silently
    else:
        async with SessionLocal() as db, db.begin():
            try:
                yield db
            except Recorded:
                await db.commit()
                raise


# Only this one has a scope: "function" commits before the response is sent. `get_db` hands on
# the same session to a route that writes `Depends(get_db)` and to one that writes `DbSession`.
async def get_db(
    db: Annotated[AsyncSession, Depends(_request_session, scope="function")],
) -> AsyncSession:
    return db


DbSession = Annotated[AsyncSession, Depends(get_db)]


async def get_settings() -> Settings:
    return settings


SettingsDep = Annotated[Settings, Depends(get_settings)]
# Without the first slash: relative to `/docs`, which may be below a path (`--root-path`).
oauth2_scheme = OAuth2PasswordBearer(tokenUrl=f"{PREFIX}/auth/token"[1:])
AccessToken = Annotated[str, Depends(oauth2_scheme)]


async def get_current_user(db: DbSession, token: AccessToken) -> User:
    user = await login_session_service.find_user(db, token)
    if user is None:
        raise HTTPException(status_code=401, detail="Sign in first.", headers=INVALID_TOKEN)
    return user


CurrentUser = Annotated[User, Depends(get_current_user)]


async def require_admin(user: CurrentUser) -> User:
    if user.role != Role.ADMIN:
        raise HTTPException(status_code=403, detail="Only an admin may do this.")
    return user


AdminUser = Annotated[User, Depends(require_admin)]
