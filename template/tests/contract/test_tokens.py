"""A token that is not exactly as the service signs them is refused.

Each test starts from a token that works and changes one thing; here is one change of each kind.
"""

import hmac
import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import Any

import pytest
from httpx import AsyncClient
from joserfc import jwt
from joserfc.jwk import ECKey, OctKey
from sqlalchemy.ext.asyncio import AsyncSession

from app.config import settings
from app.models.login_sessions import LoginSession
from app.tokens import create_access_token, new_secret, read_access_token
from tests.accounts import read_me
from tests.factories.users import UserFactory

KEY = settings.secret_key.get_secret_value().encode()
HEADER = {"alg": "HS256", "typ": "at+jwt"}
LONG_AGO, FAR_AHEAD = 1_000_000_000, 100_000_000_000

type Json = dict[str, Any]


def encode(part: bytes) -> str:
    return urlsafe_b64encode(part).decode().rstrip("=")


def sign(header: Json, claims: object, key: bytes = KEY) -> str:
    """Sign anything, well formed or not, as HS256 does."""
    content = ".".join(encode(json.dumps(part).encode()) for part in (header, claims))
    return f"{content}.{encode(hmac.digest(key, content.encode(), 'sha256'))}"


@pytest.fixture
def claims() -> Json:
    """Those of a token that works, when it is signed like this."""
    _, payload, _ = create_access_token(1, 2).split(".")
    claims = json.loads(urlsafe_b64decode(payload + "=="))
    assert read_access_token(sign(HEADER, claims)) == (1, 2)
    return dict(claims)


@pytest.mark.parametrize(
    ("claim", "value"),
    [
        ("iss", "another service"),
        ("aud", "another service"),
        ("exp", LONG_AGO),
        ("nbf", FAR_AHEAD),
        ("iat", FAR_AHEAD),
        ("sub", "1.5"),
        ("sid", 2),
        ("sid", "02"),
        ("sid", "\uff12"),  # a digit, but not of ASCII
        ("sid", str(2**63)),
    ],
)
def test_claim_of_another_value_is_refused(claims: Json, claim: str, value: object) -> None:
    """Replay of a foreign or an expired token; an id that overflows a bigint."""
    assert read_access_token(sign(HEADER, claims | {claim: value})) is None


def test_missing_claim_is_refused(claims: Json) -> None:
    """A token without `exp`, for example, would work for ever."""
    for missing in claims:
        kept = {claim: value for claim, value in claims.items() if claim != missing}

        assert read_access_token(sign(HEADER, kept)) is None, missing


@pytest.mark.parametrize(
    "change", [{"typ": "JWT"}, {"typ": None}, {"jwk": {"kty": "oct"}}, {"crit": ["exp"]}], ids=str
)
def test_header_of_another_value_is_refused(claims: Json, change: Json) -> None:
    """Token substitution by another kind; a key or an extension that the caller brings along."""
    assert read_access_token(sign(HEADER | change, claims)) is None


def test_another_algorithm_or_key_is_refused(claims: Json) -> None:
    """Algorithm confusion: also a public key, which is no secret, as the key of an HMAC."""
    key = ECKey.generate_key("P-256")
    unsigned, _, _ = sign(HEADER | {"alg": "none"}, claims).rpartition(".")
    es256 = jwt.encode(HEADER | {"alg": "ES256"}, claims, key, algorithms=["ES256"])
    ours = OctKey.import_key(KEY)
    hs512 = jwt.encode(HEADER | {"alg": "HS512"}, claims, ours, algorithms=["HS512"])
    confused = sign(HEADER, claims, key.as_pem(private=False))

    for token in (f"{unsigned}.", es256, hs512, confused, sign(HEADER, claims, KEY[:-1])):
        assert read_access_token(token) is None, token


def test_malformed_token_is_refused(claims: Json) -> None:
    """Tampering, and denial of service by what crashes a parser."""
    header, payload, signature = create_access_token(1, 2).split(".")

    for token in (
        "",
        f"{header}.{payload}",
        f"{header}.{payload}.{signature[::-1]}",
        f"{header}.{payload}.{signature}.{signature}",
        f"{header}.{payload}.{signature}é🙂",
        f"{encode(b'[' * 90_000)}.{payload}.{signature}",
        sign(HEADER, [1]),
        sign(HEADER, claims | {"exp": float("inf")}),
    ):
        assert read_access_token(token) is None, token[:300]


async def test_token_of_another_users_session_is_refused(
    client: AsyncClient,
    db: AsyncSession,
    login_session: LoginSession,
    user_factory: type[UserFactory],
) -> None:
    """Token substitution: the session decides whose token it is."""
    other = await user_factory.acreate()

    response = await read_me(client, create_access_token(other.id, login_session.id))

    assert response.status_code == 401


async def test_token_is_read_from_the_authorization_header_alone(
    client: AsyncClient, db: AsyncSession, login_session: LoginSession
) -> None:
    """CSRF: a browser sends cookies by itself. And addresses are logged."""
    token = create_access_token(login_session.user_id, login_session.id)
    cookie = {"Cookie": f"access_token={token}; Authorization=Bearer {token}"}

    elsewhere = await client.get(f"/users/me?access_token={token}", headers=cookie)
    in_its_header = await read_me(client, token)

    assert (elsewhere.status_code, in_its_header.status_code) == (401, 200)


def test_secret_cannot_be_guessed() -> None:
    """Brute force: at least 128 random bits, written in base64url."""
    assert len(urlsafe_b64decode(new_secret() + "==")) >= 128 / 8
    assert len({new_secret() for _ in range(100)}) == 100
