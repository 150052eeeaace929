"""`poe create-admin`: how the first admin is made."""

import io

import pytest
from httpx import AsyncClient
from sqlalchemy.ext.asyncio import create_async_engine

from app.commands import create_admin
from app.config import settings
from app.db.connection import connect_args
from app.db.session import SessionLocal
from app.models.users import Role, User
from app.repos import users as user_repo

EMAIL = "admin@example.com"
STRONG = "a long enough password"


async def role_of(email: str) -> str | None:
    async with SessionLocal() as db:
        user = await user_repo.find_by_email(db, email)
        return user.role if user else None


async def test_new_admin_is_created(
    committing_client: AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(f"{STRONG}\n"))

    await create_admin.main("Admin@example.com")

    assert await role_of(EMAIL) == Role.ADMIN


async def test_existing_user_becomes_an_admin(committing_client: AsyncClient, user: User) -> None:
    await create_admin.main(user.email)

    assert await role_of(user.email) == Role.ADMIN


@pytest.mark.parametrize(
    ("password", "why"),
    [("short", r"password: .* at least 15"), ("passwordpassword", "easy to guess")],
)
async def test_weak_password_creates_no_admin(
    password: str, why: str, committing_client: AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(f"{password}\n"))

    with pytest.raises(SystemExit, match=why):
        await create_admin.main(EMAIL)

    assert await role_of(EMAIL) is None


async def test_missing_database_names_the_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    nowhere = create_async_engine("postgresql+asyncpg://postgres@127.0.0.1:1/none")
    monkeypatch.setitem(SessionLocal.kw, "bind", nowhere)

    with pytest.raises(SystemExit, match=r"Connect call failed.*poe db"):
        await create_admin.main(EMAIL)


async def test_missing_tables_name_the_remedy(
    committing_client: AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    elsewhere = connect_args(settings) | {"server_settings": {"search_path": "pg_temp"}}
    empty = create_async_engine(settings.database_url, connect_args=elsewhere)
    monkeypatch.setitem(SessionLocal.kw, "bind", empty)

    with pytest.raises(SystemExit, match=r'"users" does not exist.*poe migrate'):
        await create_admin.main(EMAIL)

    await empty.dispose()


async def test_ctrl_d_at_the_prompt_creates_no_admin(
    committing_client: AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    def end_of_input(prompt: str) -> str:
        raise EOFError

    monkeypatch.setattr("sys.stdin.isatty", lambda: True)
    monkeypatch.setattr(create_admin, "getpass", end_of_input)

    with pytest.raises(SystemExit, match="No password"):
        await create_admin.main(EMAIL)


@pytest.mark.parametrize("again", [STRONG, "another"])
def test_prompt_asks_for_the_password_twice(again: str, monkeypatch: pytest.MonkeyPatch) -> None:
    typed = iter([STRONG, again])
    monkeypatch.setattr("sys.stdin.isatty", lambda: True)
    monkeypatch.setattr(create_admin, "getpass", lambda prompt: next(typed))

    if again == STRONG:
        assert create_admin.read_password() == STRONG
    else:
        with pytest.raises(SystemExit, match="differ"):
            create_admin.read_password()
