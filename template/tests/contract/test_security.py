"""Passwords and tokens."""

import asyncio
import threading
import time
from base64 import urlsafe_b64decode

import pytest
from pwdlib.hashers.argon2 import Argon2Hasher

from app.passwords import hash_password, verify_password
from app.tokens import create_access_token, new_secret, read_access_token


def test_a_token_says_who_and_which_session() -> None:
    """`tests/integration/test_tokens.py` has what it must not say."""
    assert read_access_token(create_access_token(1, 2)) == (1, 2)
    assert read_access_token("not a token") is None


def test_a_secret_cannot_be_guessed() -> None:
    """128 random bits are the least; each is written in base64url."""
    assert len(urlsafe_b64decode(new_secret() + "==")) >= 128 / 8
    assert len({new_secret() for _ in range(100)}) == 100


async def test_a_password_fits_its_own_hash_only() -> None:
    hashed = await hash_password("pässword 🙂 of some length")

    assert hashed.startswith("$argon2id$")
    assert await verify_password("pässword 🙂 of some length", hashed) == (True, None)
    assert await verify_password("another", hashed) == (False, None)
    assert await verify_password("pässword 🙂 of some length", None) == (False, None)


async def test_no_more_than_two_passwords_are_hashed_at_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Each takes 64 MiB; without a bound, logins could take all the memory."""
    lock, running, most, two = threading.Lock(), 0, 0, threading.Barrier(2, timeout=10)

    def counted(self: Argon2Hasher, password: str, **options: bytes | None) -> str:
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        two.wait()
        time.sleep(0.01)  # so that more would meet
        with lock:
            running -= 1
        return "hash"

    monkeypatch.setattr(Argon2Hasher, "hash", counted)

    await asyncio.gather(*(hash_password("x" * 15) for _ in range(6)))

    assert most == 2
