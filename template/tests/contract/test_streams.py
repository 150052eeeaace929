"""Streams: the session of the request has ended, and `OpenSession` opens others."""

from collections.abc import AsyncIterator

import pytest
from fastapi import FastAPI
from fastapi.responses import StreamingResponse
from httpx import AsyncClient
from sqlalchemy.exc import InvalidRequestError
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker

from app.api.deps import DbSession
from app.api.streams import REMEDY, OpenSession, explain
from app.models.users import User
from app.repos import users as user_repo


async def names(open_session: async_sessionmaker[AsyncSession]) -> AsyncIterator[str]:
    async with open_session() as db:
        users = await user_repo.list_users(db)
    for user in users:
        yield user.name


async def names_late(db: AsyncSession) -> AsyncIterator[str]:
    for user in await user_repo.list_users(db):
        yield user.name


async def test_stream_opens_its_own_session(app: FastAPI, client: AsyncClient, user: User) -> None:
    @app.get("/-/names", response_model=None)
    async def stream(open_session: OpenSession) -> StreamingResponse:
        return StreamingResponse(names(open_session))

    assert (await client.get("/-/names")).text == user.name


async def test_session_of_the_request_cannot_be_used_again(
    app: FastAPI, committing_client: AsyncClient
) -> None:
    """Pool exhausted: a session that reopened by itself leaked a connection."""

    @app.get("/-/names", response_model=None)
    async def stream(db: DbSession) -> StreamingResponse:
        return StreamingResponse(names_late(db))

    with pytest.raises(InvalidRequestError, match="permanently closed") as refusal:
        await committing_client.get("/-/names")

    assert "open_session: OpenSession" in refusal.value.__notes__[0]


def test_remedy_is_said_of_an_event_stream_too() -> None:
    """FastAPI reads it in a task group."""
    error = InvalidRequestError("permanently closed")

    explain(ExceptionGroup("unhandled errors in a TaskGroup", [error]))

    assert error.__notes__ == [REMEDY]
