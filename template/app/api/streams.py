"""Sessions for what runs after the request, whose own session ends before the response is sent."""

import re
from typing import Annotated

from fastapi import Depends
from sqlalchemy.exc import InvalidRequestError
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker

from app.api.deps import DbSession

# Used after its end; or at its end, by an event stream, which FastAPI begins a moment before.
ENDED = re.compile(r"permanently closed|'close\(\)' can't be called")
REMEDY = (
    "The session of a request ends before the response is sent. In a stream, a background task or "
    "the exit of a dependency take `open_session: OpenSession` and `async with open_session() as "
    "db:`; to write, `async with open_session() as db, db.begin():`."
)


async def get_open_session(db: DbSession) -> async_sessionmaker[AsyncSession]:
    """Sessions like that of the request: a GET's cannot write, and a test's sees its rows.

    Hold one for a query, not while the client reads or waits, or the pool is exhausted.
    """
    return async_sessionmaker(
        db.bind,
        sync_session_class=type(db.sync_session),
        execution_options=db.sync_session.execution_options,
        join_transaction_mode="create_savepoint",
        expire_on_commit=False,
        close_resets_only=False,
    )


OpenSession = Annotated[async_sessionmaker[AsyncSession], Depends(get_open_session)]


def explain(error: Exception) -> None:
    """Add to the error of a closed session what to do; that of an event stream is in a group."""
    for inner in getattr(error, "exceptions", ()):
        explain(inner)
    if isinstance(error, InvalidRequestError) and ENDED.search(str(error)):
        error.add_note(REMEDY)
