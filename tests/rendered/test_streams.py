"""Streams under load, their clients gone halfway: no connection stays, and no request fails."""

import asyncio
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from tests.recipes import apply
from tests.services import installed, run, running

AT_ONCE = 10
FOLLOWERS = 20
ROWS = """
import asyncio
from sqlalchemy import text
from app.db.session import SessionLocal

async def main():
    async with SessionLocal() as db, db.begin():
        await db.execute(text(
            "INSERT INTO users (email, name, password_hash, created_at, updated_at)"
            " VALUES ('a@example.com', 'A', '-', now(), now())"
        ))
        await db.execute(text(
            "INSERT INTO posts (title, body, author_id, created_at, updated_at)"
            " SELECT n, repeat('x', 1000), (SELECT max(id) FROM users), now(), now()"
            " FROM generate_series(1, 1500) n"
        ))

asyncio.run(main())
"""
# What the pool has given out, and the transactions that PostgreSQL sees.
LEFT = """
from fastapi import APIRouter
from sqlalchemy import text

from app.api.deps import DbSession
from app.db.session import engine

router = APIRouter()


@router.get("/left")
async def left(db: DbSession) -> dict[str, int]:
    checked_out = engine.pool.checkedout()
    idle = "SELECT count(*) FROM pg_stat_activity WHERE state LIKE 'idle in transaction%'"
    return {"checked out": checked_out, "idle in transaction": await db.scalar(text(idle))}
"""


@pytest.fixture(scope="module")
def url(workspace: Path) -> Iterator[str]:
    folder = installed(workspace / "streams")
    for recipe in ("csv-export", "server-sent-events"):
        apply(recipe, folder)
    (folder / "app/api/routes/left.py").write_text(LEFT)
    run(folder, "uv", "run", "poe", "migrate")
    with_database = ("uv", "run", "python", "devtools", "run")
    run(folder, *with_database, "python", "-c", ROWS)
    serve = (*with_database, "uvicorn", "app.main:app", "--port")
    with running(folder, *serve) as url:
        yield url


def test_exports_and_event_streams_leave_no_connection(
    url: str, request: pytest.FixtureRequest, record_property: Callable[[str, object], None]
) -> None:
    exports = 1000 if request.config.option.exhaustive else 60

    load = asyncio.run(load_of(url, exports))

    record_property("load", str(load))
    whole, halves = load.read[exports // 5 :], load.read[: exports // 5]
    assert max(halves) < 1_500_000 < min(whole) == max(whole)
    assert load.followers == FOLLOWERS
    assert load.statuses.keys() == {200}
    assert load.left == {"checked out": 0, "idle in transaction": 0}


@dataclass
class Load:
    read: list[int]  # bytes of each export; a fifth of them was abandoned halfway
    followers: int  # that got an event
    statuses: Counter[int]  # of other requests meanwhile
    left: dict[str, int]  # connections, afterwards


async def load_of(url: str, exports: int) -> Load:
    seen: list[list[str]] = [[] for _ in range(FOLLOWERS)]
    turn = asyncio.Semaphore(AT_ONCE)
    limits = httpx.Limits(max_connections=None)
    async with httpx.AsyncClient(
        base_url=url, limits=limits, timeout=60, trust_env=False
    ) as client:

        async def export(number: int) -> int:
            async with turn, client.stream("GET", "/exports/posts") as response:
                read = 0
                async for part in response.aiter_bytes():
                    read += len(part)
                    if number < exports // 5 and read > 100_000:
                        break
                return read

        followers = [asyncio.create_task(follow(client, lines)) for lines in seen]
        statuses: Counter[int] = Counter()
        others = asyncio.create_task(send_others(client, statuses))
        read = await asyncio.gather(*(export(number) for number in range(exports)))
        for task in (others, *followers):
            task.cancel()
        await asyncio.wait([others, *followers])
        await asyncio.sleep(1)  # the last of them are rolled back
        left = (await client.get("/left")).json()
    got = sum(any(line.startswith("data: ") for line in lines) for lines in seen)
    return Load(read, got, statuses, left)


async def follow(client: httpx.AsyncClient, lines: list[str]) -> None:
    async with client.stream("GET", "/events/posts", timeout=None) as response:
        async for line in response.aiter_lines():
            lines.append(line)


async def send_others(client: httpx.AsyncClient, statuses: Counter[int]) -> None:
    """Requests that need a connection, too, until this is cancelled."""
    while True:
        statuses[(await client.get("/posts")).status_code] += 1
        await asyncio.sleep(0.01)
