"""A factory that is used wrongly says how to use it."""

import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from tests.factories.users import UserFactory


def test_without_a_session_nothing_is_saved() -> None:
    with pytest.raises(RuntimeError, match="`db`"):
        UserFactory.create()


async def test_inside_a_coroutine_it_must_be_awaited(db: AsyncSession) -> None:
    with pytest.raises(RuntimeError, match=r"await UserFactory\.acreate"):
        UserFactory.create()


def test_an_unsaved_record_needs_no_database() -> None:
    assert UserFactory.build(name="Unsaved").id is None
