from fastapi import APIRouter

from app.api.deps import AccessToken, AdminUser, CurrentUser, DbSession, Id, Limit, NextPage
from app.models.users import User
from app.pagination import Page
from app.schemas.auth import ResetTokenRead
from app.schemas.users import PasswordChange, UserAdminUpdate, UserPage, UserRead, UserUpdate
from app.services import passwords as password_service
from app.services import users as user_service

router = APIRouter(prefix="/users", tags=["users"])


@router.get("/me", response_model=UserRead)
async def read_me(user: CurrentUser) -> User:
    """Read your account."""
    return user


@router.patch("/me", response_model=UserRead)
async def update_me(payload: UserUpdate, user: CurrentUser, db: DbSession) -> User:
    """Change some fields of your account."""
    return await user_service.update(db, payload, user)


@router.post("/me/password", status_code=204, response_model=None, responses={429: {}})
async def change_password(payload: PasswordChange, token: AccessToken, db: DbSession) -> None:
    """Change your password. Every session ends, this one too: sign in again."""
    current, new = payload.current_password, payload.new_password
    await password_service.change(db, token, current.get_secret_value(), new.get_secret_value())


@router.delete("/me", status_code=204, response_model=None)
async def delete_me(user: CurrentUser, db: DbSession) -> None:
    """Delete your account and everything you wrote."""
    await user_service.delete(db, user)


@router.get("", response_model=UserPage)
async def list_users(
    admin: AdminUser, db: DbSession, limit: Limit = 20, cursor: NextPage = None
) -> Page[User]:
    """List accounts, newest first. Pass `next_cursor` back as `cursor` for the next page."""
    return await user_service.page(db, limit=limit, cursor=cursor)


@router.get("/{user_id}", response_model=UserRead)
async def read_user(user_id: Id, user: CurrentUser, db: DbSession) -> User:
    """Read an account: your own, or any as an admin."""
    return await user_service.read(db, user_id, user)


@router.patch("/{user_id}", response_model=UserRead)
async def update_user(
    user_id: Id, payload: UserAdminUpdate, admin: AdminUser, db: DbSession
) -> User:
    """Change a user's role, disable their account or enable it again."""
    return await user_service.update_as_admin(db, user_id, payload, admin)


@router.post("/{user_id}/password-reset", response_model=ResetTokenRead, status_code=201)
async def allow_password_reset(user_id: Id, admin: AdminUser, db: DbSession) -> ResetTokenRead:
    """Make a one-time token with which a user who forgot their password can set a new one."""
    return await password_service.allow_reset(db, user_id, admin)
