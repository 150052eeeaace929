"""What an orchestrator hears."""

import asyncio
import os
import signal

import pytest
from fastapi import FastAPI
from httpx import AsyncClient
from sqlalchemy.ext.asyncio import create_async_engine

from app import shutdown
from app.db.session import SessionLocal
from tests.contract.statements import Statements


async def test_the_process_is_alive_without_asking_the_database(
    committing_client: AsyncClient, statements: Statements
) -> None:
    response = await committing_client.get("/health/live")

    assert response.json() == {"status": "ok"}
    assert await statements.take() == []


async def test_readiness_asks_the_database(
    committing_client: AsyncClient, statements: Statements
) -> None:
    response = await committing_client.get("/health/ready")

    assert response.json() == {"status": "ok"}
    assert await statements.take() == ["ping", "SELECT"]


async def test_without_a_database_every_route_that_needs_it_says_so(
    committing_client: AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    nowhere = create_async_engine("postgresql+asyncpg://postgres@127.0.0.1:1/none")
    monkeypatch.setitem(SessionLocal.kw, "bind", nowhere)

    ready = await committing_client.get("/health/ready")
    live = await committing_client.get("/health/live")

    assert live.status_code == 200
    assert ready.status_code == 503
    assert ready.headers["content-type"] == "application/problem+json"
    assert ready.headers["retry-after"] == "1"


async def test_who_waits_for_a_connection_in_vain_hears_of_it(
    committing_client: AsyncClient,
) -> None:
    async with SessionLocal() as db:
        await db.connection()  # the pool's only one

        response = await committing_client.get("/health/ready")

    assert response.status_code == 503


async def test_on_sigterm_readiness_falls_before_the_server_stops(
    app: FastAPI, committing_client: AsyncClient
) -> None:
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    before = signal.signal(signal.SIGTERM, lambda *_: loop.call_soon_threadsafe(stopped.set))
    try:
        with shutdown.announced(delay=0.1):
            os.kill(os.getpid(), signal.SIGTERM)
            answer = await committing_client.get("/health/ready")
            assert answer.status_code == 503
            assert not stopped.is_set()
            await asyncio.wait_for(stopped.wait(), timeout=5)
    finally:
        signal.signal(signal.SIGTERM, before)
        shutdown.shutting_down.clear()


async def test_outside_the_main_thread_signals_are_left_alone() -> None:
    async def start_and_end() -> None:
        with shutdown.announced(delay=0):
            assert not shutdown.shutting_down.is_set()

    await asyncio.to_thread(asyncio.run, start_and_end())


async def test_the_lifespan_starts_and_ends(app: FastAPI, cloned_database: None) -> None:
    async with app.router.lifespan_context(app):
        assert not shutdown.shutting_down.is_set()

    assert shutdown.shutting_down.is_set()
    shutdown.shutting_down.clear()
