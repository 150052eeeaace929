"""How passwords are hashed. Which ones are accepted is tested in `tests/integration`."""

import asyncio
import threading
import time

import argon2
import pytest
from httpx import AsyncClient
from pwdlib.hashers.argon2 import Argon2Hasher
from sqlalchemy.ext.asyncio import AsyncSession

from app.models.users import User
from app.passwords import hash_password
from tests.accounts import log_in


async def test_login_replaces_a_weak_hash(
    client: AsyncClient, db: AsyncSession, user: User, real_hashing: None
) -> None:
    """Brute force of a stolen table: Argon2id, with no less than OWASP asks for."""
    first = await log_in(client, user.email)  # the hash of the factory is weak
    await db.refresh(user)
    second = await log_in(client, user.email)

    assert (first.status_code, second.status_code) == (200, 200)
    parameters = argon2.extract_parameters(user.password_hash)
    assert parameters.type == argon2.Type.ID
    assert parameters.memory_cost >= 19_456  # KiB
    assert parameters.time_cost >= 2
    assert parameters.salt_len >= 16
    assert parameters.hash_len >= 16


async def test_only_two_passwords_are_hashed_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Denial of service: each takes 64 MiB, so many logins at once would take all the memory."""
    free = threading.Semaphore(2)

    def slow(self: Argon2Hasher, password: str, **options: bytes | None) -> str:
        assert free.acquire(blocking=False), "a third one"
        time.sleep(0.02)  # so that they would meet
        free.release()
        return "hash"

    monkeypatch.setattr(Argon2Hasher, "hash", slow)

    await asyncio.gather(*(hash_password("x" * 15) for _ in range(6)))
