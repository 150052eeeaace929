"""Liveness, readiness, and the end of the process."""

import asyncio
import os
import signal

import pytest
from fastapi import FastAPI
from httpx import AsyncClient
from sqlalchemy.ext.asyncio import create_async_engine

from app import shutdown
from app.db import probe
from app.db.session import SessionLocal, engine
from tests.accounts import refresh


async def test_only_readiness_asks_the_database(
    committing_client: AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(probe, "engine", create_async_engine("postgresql+asyncpg://127.0.0.1:1/x"))

    live = await committing_client.get("/health/live")
    ready = await committing_client.get("/health/ready")

    assert live.json() == {"status": "ok"}
    assert ready.status_code == 503


async def test_pool_timeout_is_503_and_readiness_stays(committing_client: AsyncClient) -> None:
    """A busy replica that was taken out would leave its load to the others, until none is left."""
    async with SessionLocal() as db:
        await db.connection()  # the pool's only one

        response = await refresh(committing_client, "any")
        ready = await committing_client.get("/health/ready")

    assert response.status_code == 503
    assert response.headers["retry-after"] == "1"
    assert ready.json() == {"status": "ok"}


async def test_sigterm_ends_readiness_before_the_server(committing_client: AsyncClient) -> None:
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    before = signal.signal(signal.SIGTERM, lambda *_: loop.call_soon_threadsafe(stopped.set))
    try:
        with shutdown.announced(delay=0.1):
            os.kill(os.getpid(), signal.SIGTERM)
            response = await committing_client.get("/health/ready")
            assert response.status_code == 503
            assert not stopped.is_set()
            await asyncio.wait_for(stopped.wait(), timeout=5)
    finally:
        signal.signal(signal.SIGTERM, before)
        shutdown.shutting_down.clear()


async def test_signals_are_left_alone_outside_the_main_thread(
    app: FastAPI, cloned_database: None
) -> None:
    """Python allows a handler in the main thread only. And a lifespan passes the middleware."""
    received = iter(["lifespan.startup", "lifespan.shutdown"])
    sent = []

    async def receive() -> dict[str, str]:
        return {"type": next(received)}

    async def send(message: dict[str, str]) -> None:
        sent.append(message["type"])

    await engine.dispose()  # its connections belong to the loop of this thread
    lifespan = app({"type": "lifespan", "state": {}}, receive, send)  # type: ignore[arg-type]
    await asyncio.to_thread(asyncio.run, lifespan)

    assert sent == ["lifespan.startup.complete", "lifespan.shutdown.complete"]
