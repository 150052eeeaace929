"""`poe create-admin`: somebody must be the first admin."""

import io

import pytest
from httpx import AsyncClient
from pydantic import ValidationError
from sqlalchemy.ext.asyncio import AsyncSession

from app import create_admin
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

    await create_admin.create_admin(user.email)

    assert await role_of(user.email) == Role.ADMIN


async def test_a_weak_password_makes_no_admin(
    committing_client: AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("short\n"))

    with pytest.raises(ValidationError):
        await create_admin.create_admin("boss@example.com")

    assert await role_of("boss@example.com") is None
