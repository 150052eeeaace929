"""What is asked of a password, how it is kept, and what a login tells who tries one."""

import asyncio
import random
import string
import sys
from collections.abc import Callable, Iterator
from time import process_time
from typing import Any

import argon2
import pytest
from httpx import AsyncClient
from pwdlib.hashers.argon2 import Argon2Hasher
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.models.users import User
from app.passwords import easy_to_guess
from tests.accounts import log_in
from tests.factories.users import PASSWORD, UserFactory

EMAIL = "new@example.com"


def hard(length: int, characters: str) -> str:
    """A text that repeats nothing a guesser would try."""
    return "".join(random.Random(length).choices(characters, k=length))  # noqa: S311


async def register(client: AsyncClient, password: str, email: str = EMAIL) -> int:
    newcomer = {"email": email, "name": "New", "password": password}
    response = await client.post("/auth/register", json=newcomer)
    assert not password or password not in response.text
    return response.status_code


@pytest.mark.parametrize(
    ("length", "status"), [(0, 422), (14, 422), (15, 201), (128, 201), (129, 422)]
)
async def test_a_password_has_15_to_128_characters(
    client: AsyncClient, length: int, status: int
) -> None:
    """Characters, not bytes: these have four each."""
    assert await register(client, hard(length, "🙂🙃😀😎🤖👻🚀🌍🎲🎹")) == status


@pytest.mark.parametrize(
    "password",
    [
        "correct horse battery staple",
        "пароль из четырёх слов",
        "   spaces    and   more   of them   ",
        "🙂 a\u0308\u200d\u202e größer \ufeff",
    ],
)
async def test_a_password_is_any_text(client: AsyncClient, password: str) -> None:
    assert await register(client, password) == 201
    assert (await log_in(client, EMAIL, password)).status_code == 200
    assert (await log_in(client, EMAIL, f"{password} ")).status_code == 401


async def test_no_byte_of_a_password_is_ignored(client: AsyncClient) -> None:
    """bcrypt, for one, reads 72."""
    long = hard(72, string.ascii_letters)
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
async def test_a_password_that_is_easy_to_guess_is_refused(
    client: AsyncClient, password: str
) -> None:
    assert await register(client, password) == 422


@pytest.mark.parametrize(
    "password",
    ["+9([748<+02!11!!526|<<!1!2(|20136%+7+%539$309<98364([+1[2[!076$90920@82{", "\u0130" * 128],
)
def test_no_password_takes_long_to_judge(password: str) -> None:
    """zxcvbn tries all spellings of a word: with its own table for a second."""

    def seconds(text: str) -> float:
        started = process_time()
        easy_to_guess(text)
        return process_time() - started

    usual = min(seconds(hard(48, string.ascii_letters)) for _ in range(5))

    assert min(seconds(password) for _ in range(3)) < 25 * usual


@pytest.fixture
def hasty_threads() -> Iterator[None]:
    """Threads take turns so often that they meet."""
    usual = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    yield
    sys.setswitchinterval(usual)


async def test_a_name_is_easy_to_guess_whoever_else_registers(hasty_threads: None) -> None:
    """zxcvbn keeps what it knows about an owner in a global."""
    password, words = "bartholomew quixote zylberg", ["Bartholomew Quixote Zylberg"]
    others = (asyncio.to_thread(easy_to_guess, "x" * 48, [f"name {n}"]) for n in range(15))
    ours = (asyncio.to_thread(easy_to_guess, password, words) for _ in range(15))
    pairs = zip(others, ours, strict=True)

    assert all(await asyncio.gather(*(judged for pair in pairs for judged in pair)))


def assert_strong(password_hash: str) -> None:
    """Argon2id with no less than OWASP asks for: 19 MiB, twice, in one lane."""
    parameters = argon2.extract_parameters(password_hash)
    assert parameters.type == argon2.Type.ID
    assert parameters.memory_cost >= 19_456
    assert parameters.time_cost >= 2
    assert parameters.parallelism >= 1
    assert parameters.salt_len >= 16
    assert parameters.hash_len >= 16


async def test_a_password_is_kept_as_a_strong_hash(
    client: AsyncClient, db: AsyncSession, real_hashing: None
) -> None:
    await register(client, PASSWORD)

    assert_strong((await db.scalars(select(User.password_hash))).one())


async def test_a_weak_hash_is_replaced_at_login(
    client: AsyncClient, db: AsyncSession, user: User, real_hashing: None
) -> None:
    """The hashes of factories are weak."""

    assert (await log_in(client, user.email)).status_code == 200
    await db.refresh(user)
    assert_strong(user.password_hash)
    assert (await log_in(client, user.email)).status_code == 200


@pytest.fixture
def hashings(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Every run of Argon2, by name. It takes nearly all the time of a login."""
    runs: list[str] = []

    def counting(name: str, original: Callable[..., Any]) -> Callable[..., Any]:
        def counted(*args: Any, **options: Any) -> Any:
            runs.append(name)
            return original(*args, **options)

        return counted

    for name in ("hash", "verify"):
        monkeypatch.setattr(Argon2Hasher, name, counting(name, getattr(Argon2Hasher, name)))
    return runs


async def test_a_refused_login_does_not_say_why(
    client: AsyncClient,
    db: AsyncSession,
    user: User,
    user_factory: type[UserFactory],
    hashings: list[str],
) -> None:
    """Neither in its answer nor, without a hashing for whom there is none, by its time."""
    disabled = await user_factory.acreate(disabled=True)
    wrong = "not the password at all"
    answers = set()

    for email, password in [
        ("nobody@example.com", wrong),
        ("no e-mail", wrong),
        (user.email, wrong),
        (disabled.email, wrong),
        (disabled.email, PASSWORD),
    ]:
        hashings.clear()
        response = await log_in(client, email, password)
        del response.headers["x-request-id"]
        headers = frozenset(response.headers.multi_items())
        answers.add((response.status_code, response.text, headers, len(hashings)))

    (answer,) = answers
    status, _, _, runs_of_argon2 = answer
    assert (status, runs_of_argon2) == (401, 1)


async def test_a_registration_takes_as_long_for_an_email_that_is_taken(
    client: AsyncClient, db: AsyncSession, user: User, hashings: list[str]
) -> None:
    assert await register(client, PASSWORD, user.email) == 409
    assert hashings == ["hash"]
    assert await register(client, PASSWORD) == 201
    assert hashings == ["hash", "hash"]
