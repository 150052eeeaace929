"""Passwords and tokens."""

from datetime import timedelta
from typing import Any

import pytest
from joserfc import jwt
from joserfc.jwk import OctKey

from app.config import settings
from app.db.base import utc_now
from app.security import (
    create_access_token,
    hash_password,
    read_access_token,
    verify_password,
)

OURS = settings.secret_key.get_secret_value()


def forge(key: str = OURS, typ: str = "at+jwt", **claims: Any) -> str:
    valid = {
        "iss": settings.jwt_issuer,
        "aud": settings.jwt_issuer,
        "sub": "1",
        "sid": "2",
        "exp": utc_now() + timedelta(hours=1),  # these are made when the tests are collected
    }
    kept = {name: value for name, value in (valid | claims).items() if value is not None}
    return jwt.encode({"alg": "HS256", "typ": typ}, kept, OctKey.import_key(key))


def test_a_token_says_who_and_which_session() -> None:
    assert read_access_token(create_access_token(1, 2)) == (1, 2)
    assert read_access_token(forge()) == (1, 2)


@pytest.mark.parametrize(
    "token",
    [
        "",
        "not a token",
        "é",
        forge(key="x" * 32),
        forge(typ="JWT"),
        forge(exp=utc_now() - timedelta(minutes=1)),
        forge(iss="somebody else"),
        forge(aud="somebody else"),
        forge(sub="x"),
        forge(sid=None),
        forge(exp=None),
    ],
)
def test_any_other_token_says_nothing(token: str) -> None:
    assert read_access_token(token) is None


async def test_a_password_fits_its_own_hash_only() -> None:
    hashed = await hash_password("pässword 🙂 of some length")

    assert hashed.startswith("$argon2id$")
    assert await verify_password("pässword 🙂 of some length", hashed) == (True, None)
    assert await verify_password("another", hashed) == (False, None)
    assert await verify_password("pässword 🙂 of some length", None) == (False, None)
