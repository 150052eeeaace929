"""Passwords that are hard to store or to score: for when `app/passwords.py` changes."""

import asyncio
import random
import string
import sys
import threading
from collections.abc import Iterator
from time import process_time

import pytest
from httpx import AsyncClient

from app.passwords import easy_to_guess, hash_password, verify_password
from tests.accounts import log_in

EMAIL = "new@example.com"


def hard(length: int) -> str:
    """Letters that no dictionary and no pattern has."""
    return "".join(random.Random(length).choices(string.ascii_letters, k=length))


async def register(client: AsyncClient, password: str) -> int:
    newcomer = {"email": EMAIL, "name": "New", "password": password}
    return (await client.post("/auth/register", json=newcomer)).status_code


@pytest.mark.parametrize(
    "password",
    [
        "correct horse battery staple",
        "пароль из четырёх слов",
        "   spaces    and   more   of them   ",
        "🙂 a\u0308\u200d\u202e größer \ufeff",
    ],
)
async def test_password_of_any_script_is_accepted(client: AsyncClient, password: str) -> None:
    assert await register(client, password) == 201
    assert (await log_in(client, EMAIL, password)).status_code == 200
    assert (await log_in(client, EMAIL, f"{password} ")).status_code == 401


async def test_every_byte_of_a_password_counts(client: AsyncClient) -> None:
    """Truncation: bcrypt, for example, reads 72 bytes."""
    long = hard(72)
    assert await register(client, f"{long}a") == 201

    assert (await log_in(client, EMAIL, f"{long}b")).status_code == 401
    assert (await log_in(client, EMAIL, long)).status_code == 401


@pytest.mark.parametrize(
    "password",
    [
        "passwordpassword",
        "qwertyuiopasdfgh",
        "aaaaaaaaaaaaaaaaaaaaaaa",
        "123456789012345678",
        "new@example.com 1",
    ],
)
async def test_common_password_is_refused(client: AsyncClient, password: str) -> None:
    """Dictionary attack."""
    assert await register(client, password) == 422


@pytest.mark.parametrize(
    "password",
    ["+9([748<+02!11!!526|<<!1!2(|20136%+7+%539$309<98364([+1[2[!076$90920@82{", "\u0130" * 128],
)
async def test_no_password_takes_long_to_score(password: str) -> None:
    """Denial of service: zxcvbn tries all spellings of a word, with its own table for a second."""

    async def seconds(text: str) -> float:
        started = process_time()
        await easy_to_guess(text)
        return process_time() - started

    usual = min([await seconds(hard(48)) for _ in range(5)])

    assert min([await seconds(password) for _ in range(3)]) < 25 * usual


@pytest.fixture
def hasty_threads() -> Iterator[None]:
    """Threads take turns so often that they meet."""
    usual = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    yield
    sys.setswitchinterval(usual)


async def test_parallel_scores_do_not_mix(hasty_threads: None) -> None:
    """Race: zxcvbn keeps the words about a user in a global."""
    password, words = "bartholomew quixote zylberg", ["Bartholomew Quixote Zylberg"]
    others = (easy_to_guess("x" * 48, [f"name {n}"]) for n in range(15))
    ours = (easy_to_guess(password, words) for _ in range(15))
    pairs = zip(others, ours, strict=True)

    assert all(await asyncio.gather(*(judged for pair in pairs for judged in pair)))


async def test_scores_wait_in_no_thread() -> None:
    """Denial of service: registrations fill the threads that hash passwords and look up hosts."""
    before = threading.active_count()

    await asyncio.gather(*(easy_to_guess(f"{n} {hard(40)}") for n in range(20)))

    assert threading.active_count() <= before + 1


async def test_password_fits_its_own_hash_only() -> None:
    hashed = await hash_password("pässword 🙂 of some length")

    assert hashed.startswith("$argon2id$")
    assert await verify_password("pässword 🙂 of some length", hashed) == (True, None)
    assert await verify_password("another", hashed) == (False, None)
    assert await verify_password("pässword 🙂 of some length", None) == (False, None)
