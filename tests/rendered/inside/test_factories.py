"""Fixtures that save a record work in any order, and a factory used wrongly says how to use it."""

import pytest
from httpx import AsyncClient
from sqlalchemy.ext.asyncio import AsyncSession

from app.db.session import SessionLocal
from app.models.users import User
from tests.accounts import Headers
from tests.factories.users import UserFactory


async def test_record_before_the_session(user: User, headers: Headers, client: AsyncClient) -> None:
    me = await client.get("/users/me", headers=headers)

    assert me.json()["id"] == user.id


async def test_record_without_a_session(user_factory: type[UserFactory]) -> None:
    assert (await user_factory.acreate()).id


async def test_record_of_a_committing_test_is_committed(
    user: User, headers: Headers, committing_client: AsyncClient
) -> None:
    async with SessionLocal() as other:
        assert await other.get(User, user.id)
    assert (await committing_client.get("/users/me", headers=headers)).status_code == 200


def test_factory_without_a_session_names_the_fixture() -> None:
    with pytest.raises(RuntimeError, match="`db`"):
        UserFactory.create()


async def test_create_in_a_coroutine_names_acreate(db: AsyncSession) -> None:
    with pytest.raises(RuntimeError, match=r"await UserFactory\.acreate"):
        UserFactory.create()


def test_build_needs_no_database() -> None:
    assert UserFactory.build(name="Unsaved").id is None
