"""`poe create-admin`: somebody must be the first admin."""

import io

import pytest
from httpx import AsyncClient
from sqlalchemy.ext.asyncio import AsyncSession, create_async_engine

from app.commands import create_admin
from app.config import settings
from app.db.session import SessionLocal
from app.models.users import Role
from app.repos import users as user_repo
from tests.factories.users import UserFactory


async def role_of(email: str) -> str | None:
    async with SessionLocal() as db:
        user = await user_repo.find_by_email(db, email)
        return user.role if user else None


async def test_a_new_admin_is_made(
    committing_client: AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("a long enough password\n"))

    await create_admin.create_admin("Boss@example.com")

    assert await role_of("boss@example.com") == Role.ADMIN


async def test_an_account_becomes_an_admin(
    committing_client: AsyncClient, committed: AsyncSession, user_factory: type[UserFactory]
) -> None:
    user = await user_factory.acreate()
    await committed.commit()

    await create_admin.main(user.email)

    assert await role_of(user.email) == Role.ADMIN


@pytest.mark.parametrize(
    ("password", "why"),
    [("short", r"password: .* at least 15"), ("passwordpassword", "easy to guess")],
)
async def test_a_weak_password_makes_no_admin(
    password: str, why: str, committing_client: AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(f"{password}\n"))

    with pytest.raises(SystemExit, match=why):
        await create_admin.main("boss@example.com")

    assert await role_of("boss@example.com") is None


async def test_without_a_database_it_names_the_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    nowhere = create_async_engine("postgresql+asyncpg://postgres@127.0.0.1:1/none")
    monkeypatch.setitem(SessionLocal.kw, "bind", nowhere)

    with pytest.raises(SystemExit, match="poe db"):
        await create_admin.main("boss@example.com")


async def test_without_tables_it_names_the_remedy(
    committing_client: AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    elsewhere = {"server_settings": {"search_path": "pg_temp"}}
    empty = create_async_engine(settings.database_url, connect_args=elsewhere)
    monkeypatch.setitem(SessionLocal.kw, "bind", empty)

    with pytest.raises(SystemExit, match="poe migrate"):
        await create_admin.main("boss@example.com")

    await empty.dispose()


async def test_without_a_password_it_ends_in_a_sentence(
    committing_client: AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    def end_of_input(prompt: str) -> str:
        raise EOFError

    monkeypatch.setattr("sys.stdin.isatty", lambda: True)
    monkeypatch.setattr(create_admin, "getpass", end_of_input)

    with pytest.raises(SystemExit, match="No password"):
        await create_admin.main("boss@example.com")


@pytest.mark.parametrize("again", ["a long enough password", "another"])
def test_at_a_terminal_the_password_is_asked_twice(
    again: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers = iter(["a long enough password", again])
    monkeypatch.setattr("sys.stdin.isatty", lambda: True)
    monkeypatch.setattr(create_admin, "getpass", lambda prompt: next(answers))

    if again == "another":
        with pytest.raises(SystemExit, match="differ"):
            create_admin.read_password()
    else:
        assert create_admin.read_password() == again
