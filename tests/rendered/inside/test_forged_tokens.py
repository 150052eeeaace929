"""Every way in which we know how to forge a token: each is refused, and none is a crash.

Each forgery starts from a token that works and changes one thing. A service carries one change of
each kind in `tests/contract/test_tokens.py`; here are all, for when `app/tokens.py` changes.
"""

import hmac
import json
import string
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from httpx import AsyncClient
from joserfc import jwe, jwt
from joserfc.jwk import ECKey, OctKey, OKPKey, RSAKey
from sqlalchemy.ext.asyncio import AsyncSession

from app.config import settings
from app.models.login_sessions import LoginSession
from app.models.users import User
from app.tokens import (
    ACCESS_LIFETIME,
    create_access_token,
    create_reset_token,
    read_access_token,
    read_reset_token,
)
from tests.accounts import refresh, refresh_token_of

type Json = dict[str, Any]

KEY = settings.secret_key.get_secret_value().encode()
FOREIGN = b"a key that an attacker has made up"
US = settings.jwt_issuer
LONG_AGO, FAR_AHEAD, TOO_LONG = 1_000_000_000, 100_000_000_000, "9" * 5_000
BASE64URL = string.ascii_letters + string.digits + "-_"


def encode(part: object) -> str:
    raw = part if isinstance(part, bytes) else json.dumps(part).encode()
    return urlsafe_b64encode(raw).decode().rstrip("=")


def decode(part: str) -> Json:
    return dict(json.loads(urlsafe_b64decode(part + "==")))


def sign(header: object, claims: object, key: bytes = KEY, digest: str = "sha256") -> str:
    """Sign anything, well formed or not, as HS256 does or with another digest."""
    content = f"{encode(header)}.{encode(claims)}"
    return f"{content}.{encode(hmac.digest(key, content.encode(), digest))}"


def refused(token: str) -> bool:
    """Whether the token is refused; `status_of` asks the service over HTTP."""
    return read_access_token(token) is None


async def status_of(client: AsyncClient, token: str | bytes, scheme: str = "Bearer ") -> int:
    raw = token if isinstance(token, bytes) else token.encode()
    response = await client.get("/users/me", headers={b"Authorization": scheme.encode() + raw})
    assert response.status_code == 200 or response.headers["www-authenticate"].startswith("Bearer")
    return response.status_code


@pytest.fixture
def token(db: AsyncSession, login_session: LoginSession) -> str:
    """One that works."""
    return create_access_token(login_session.user_id, login_session.id)


@pytest.fixture
def header() -> Json:
    return decode(create_access_token(1, 2).split(".")[0])


@pytest.fixture
def claims() -> Json:
    return decode(create_access_token(1, 2).split(".")[1])


async def test_token_of_the_service_is_accepted(
    client: AsyncClient, token: str, header: Json, claims: Json
) -> None:
    """The other tests sign like this, so what they change is what is refused."""
    assert await status_of(client, token) == 200
    assert read_access_token(sign(header, claims)) == (1, 2)


@pytest.mark.parametrize(
    ("claim", "wrong"),
    [
        ("iss", ["another service", "", US.upper(), [US], {}, None, 1]),
        ("aud", ["another service", "", US.upper(), ["another service"], [], {US: 1}, None, 1]),
        ("sub", ["", "x", "0", "-1", "1.5", "9" * 30, TOO_LONG, "\0", 1, 1.5, True, ["1"], {}]),
        ("sid", ["", "x", "0", "-1", "1.5", "9" * 30, TOO_LONG, "\0", -1, 2**63, 10**30, [], {}]),
        ("sid", [str(2**63 - 1), str(2**63)]),  # the largest bigint, and one more
        ("exp", [LONG_AGO, 0, -1, -(10**400), "", "x", str(FAR_AHEAD), True, [FAR_AHEAD]]),
        ("exp", [float("nan"), float("inf"), float("-inf"), None]),
        ("nbf", [FAR_AHEAD, 10**400, "x", True, float("nan"), float("inf"), []]),
        ("iat", [FAR_AHEAD, 10**400, "x", True, float("nan"), float("inf"), [], None]),
        ("jti", [1, [], None]),
    ],
)
def test_claim_of_another_value_is_refused(
    header: Json, claims: Json, claim: str, wrong: list[object]
) -> None:
    """Replay of foreign and expired tokens, type confusion, overflow of a bigint."""
    for value in wrong:
        forged = sign(header, claims | {claim: value})

        assert refused(forged), value


@pytest.mark.parametrize("form", [" {}", "{} ", "{}\n", "+{}", "0{}", "{}.0", "{}_0", "{}e0"])
def test_id_in_another_form_is_refused(header: Json, claims: Json, form: str) -> None:
    """Parser confusion: `int` reads more forms than we write."""
    for claim in ("sub", "sid"):
        forged = sign(header, claims | {claim: form.format(claims[claim])})

        assert refused(forged), claim


def test_id_that_is_no_text_of_ascii_digits_is_refused(header: Json, claims: Json) -> None:
    """Type confusion, and homoglyphs."""
    number = int(claims["sid"])
    fullwidth = claims["sid"].translate({48 + digit: 0xFF10 + digit for digit in range(10)})

    for form in (number, float(number), [number], fullwidth):
        assert refused(sign(header, claims | {"sid": form})), form


NOW = datetime(2030, 1, 1, tzinfo=UTC)
SECOND = timedelta(seconds=1)


@pytest.mark.parametrize(
    ("ahead", "accepted"),
    [
        (60 * SECOND, True),
        (61 * SECOND, False),
        (-(ACCESS_LIFETIME + 59 * SECOND), True),
        (-(ACCESS_LIFETIME + 60 * SECOND), False),
    ],
    ids=str,
)
def test_clocks_may_differ_by_a_minute(
    ahead: timedelta, accepted: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A replica whose clock is ahead signs. An expired token is replayed: exact to the leeway."""
    monkeypatch.setattr("time.time", NOW.timestamp)
    monkeypatch.setattr("app.tokens.utc_now", lambda: NOW + ahead)

    assert (read_access_token(create_access_token(1, 2)) == (1, 2)) == accepted


@pytest.mark.parametrize(("seconds", "accepted"), [(59, True), (60, False)])
def test_reset_token_ends_an_hour_and_the_leeway_later(
    seconds: int, accepted: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Replay of an old reset token, from a mailbox that was broken into."""
    monkeypatch.setattr("time.time", NOW.timestamp)
    monkeypatch.setattr("app.tokens.utc_now", lambda: NOW - timedelta(hours=1, seconds=seconds))

    assert (read_reset_token(create_reset_token(1, "a hash")) is not None) == accepted


@pytest.mark.parametrize(("seconds", "accepted"), [(60, True), (61, False)])
def test_token_for_later_is_accepted_a_minute_before(
    header: Json, claims: Json, seconds: int, accepted: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Token leeway, for a claim that the service itself does not write."""
    now = int(claims["iat"])
    monkeypatch.setattr("time.time", lambda: now)

    token = sign(header, claims | {"nbf": now + seconds})

    assert (read_access_token(token) == (1, 2)) == accepted


def test_missing_claim_is_refused(header: Json, claims: Json) -> None:
    """A token without `exp`, for example, would work for ever."""
    for missing in claims:
        kept = {claim: value for claim, value in claims.items() if claim != missing}

        assert refused(sign(header, kept)), missing


@pytest.mark.parametrize(
    "change",
    [
        *({"alg": alg} for alg in ("none", "None", "NONE", "nOnE", "", "hs256", "HS1", "A128KW")),
        *({"alg": alg} for alg in ("HS384", "HS512", "RS256", "ES256", "PS256", "EdDSA")),
        *({"alg": alg} for alg in (None, True, 256, ["HS256"], {"HS256": 1})),
        *({"typ": typ} for typ in ("JWT", "jwt", "rt+jwt", "", "at+jwt ", None, 1, ["at+jwt"])),
        *({"kid": kid} for kid in ("", "../../../dev/null", "' OR 1=1 --", 1, ["a"])),
        {"jku": "https://evil.example.com/keys"},
        {"x5u": "https://evil.example.com/keys"},
        {"jwk": OctKey.import_key(FOREIGN).as_dict()},
        {"x5c": ["MIIB"]},
        {"crit": []},
        {"crit": ["exp"]},
        {"crit": ["unknown"], "unknown": True},
        {"crit": ["b64"], "b64": True},
        {"crit": ["b64"], "b64": False},
        {"b64": False},
        {"cty": "JWT"},
        {"zip": "DEF"},
        {"enc": "A128GCM"},
    ],
    ids=str,
)
def test_header_of_another_value_is_refused(header: Json, claims: Json, change: Json) -> None:
    """Algorithm confusion, injected keys, path traversal and SQL in `kid`, unknown extensions.

    Each is signed with our key, with one of the attacker's, with an empty one, and not at all.
    """
    digest = {"HS384": "sha384", "HS512": "sha512"}.get(str(change.get("alg")), "sha256")
    forged = sign(header | change, claims, digest=digest)
    content, _, _ = forged.rpartition(".")

    assert refused(forged)
    assert refused(sign(header | change, claims, FOREIGN, digest))
    assert refused(sign(header | change, claims, b"", digest))
    assert refused(f"{content}.")


def test_header_that_lacks_a_value_is_refused(header: Json, claims: Json) -> None:
    """Token substitution: without `typ`, any kind of token is an access token."""
    for missing in header:
        kept = {name: value for name, value in header.items() if name != missing}

        assert refused(sign(kept, claims)), missing


@pytest.mark.parametrize(
    ("alg", "make_key"),
    [
        ("RS256", lambda: RSAKey.generate_key(2048)),
        ("PS256", lambda: RSAKey.generate_key(2048)),
        ("ES256", lambda: ECKey.generate_key("P-256")),
        ("Ed25519", lambda: OKPKey.generate_key("Ed25519")),
    ],
)
def test_asymmetric_key_is_refused(
    header: Json,
    claims: Json,
    alg: str,
    make_key: Callable[[], RSAKey | ECKey | OKPKey],
) -> None:
    """Algorithm confusion: also a public key, which is no secret, as the key of an HMAC."""
    key = make_key()
    public = key.as_dict(private=False)
    forged = [
        jwt.encode(header | {"alg": alg}, claims, key, algorithms=[alg]),
        jwt.encode(header | {"alg": alg, "kid": "1"}, claims, key, algorithms=[alg]),
        sign(header | {"jwk": public}, claims, key.as_pem(private=False)),
        sign(header, claims, key.as_pem(private=False)),
        sign(header | {"alg": alg}, claims),
    ]

    for token in forged:
        assert refused(token), token


@pytest.mark.parametrize(
    "key",
    [FOREIGN, b"", b"secret", KEY[:-1], KEY.upper(), KEY.hex().encode(), encode(KEY)],
)
def test_another_key_is_refused(header: Json, claims: Json, key: bytes | str) -> None:
    """Forgery with a guessed key."""
    forged = sign(header, claims, key if isinstance(key, bytes) else key.encode())

    assert refused(forged)


def test_every_changed_character_is_noticed(token: str) -> None:
    """Tampering."""
    for at, character in enumerate(token):
        other = BASE64URL[BASE64URL.index(character) ^ 1] if character != "." else "-"

        assert read_access_token(f"{token[:at]}{other}{token[at + 1 :]}") is None, at


@pytest.mark.parametrize(
    "change",
    [
        lambda h, c, s: f"{h}.{c}.",
        lambda h, c, s: f"{h}.{c}",
        lambda h, c, s: f"{h}..{s}",
        lambda h, c, s: f".{c}.{s}",
        lambda h, c, s: f"{h}.{s}",
        lambda h, c, s: f"{h}",
        lambda h, c, s: "",
        lambda h, c, s: ".",
        lambda h, c, s: "..",
        lambda h, c, s: "....",
        lambda h, c, s: f"{h}.{c}.{s}.",
        lambda h, c, s: f".{h}.{c}.{s}",
        lambda h, c, s: f"{h}.{c}.{s}.{s}",
        lambda h, c, s: f"{h}.{c}.{s}.{s}.{s}",
        lambda h, c, s: f"{h}.{c}.{s},{h}.{c}.{s}",
        lambda h, c, s: f"{h}.{c}.{s}=",
        lambda h, c, s: f"{h}=.{c}=.{s}=",
        lambda h, c, s: f"{h}.{c}.{s[:-1]}",
        lambda h, c, s: f"{h}.{c}.{s}A",
        lambda h, c, s: f"{h}.{s}.{c}",
        lambda h, c, s: f"{c}.{h}.{s}",
        lambda h, c, s: f"{h} .{c}.{s}",
        lambda h, c, s: f"{h}.{c}\t.{s}",
        lambda h, c, s: f"{h}.{c}.\n{s}",
        lambda h, c, s: f"{h}.{c}.{s}\0",
        lambda h, c, s: f'"{h}.{c}.{s}"',
        lambda h, c, s: f"{h}%2E{c}%2E{s}",
        lambda h, c, s: f"{h}.{c}.{s}é🙂",
        lambda h, c, s: f"{h}.{c}.{s}".encode("utf-16"),
        lambda h, c, s: b"\xff" + f"{h}.{c}.{s}".encode(),
        lambda h, c, s: json.dumps({"protected": h, "payload": c, "signature": s}),
        lambda h, c, s: "e" * 1_000_000,
        lambda h, c, s: "." * 1_000_000,
        lambda h, c, s: f"{h}.{c}.{'A' * 1_000_000}",
        lambda h, c, s: f"{h}.{'A' * 1_000_000}.{s}",
    ],
)
async def test_malformed_token_is_401(
    client: AsyncClient, token: str, change: Callable[[str, str, str], str | bytes]
) -> None:
    """Tampering, and denial of service by what crashes a parser."""
    assert await status_of(client, change(*token.split("."))) == 401


@pytest.mark.parametrize(
    "payload",
    [b"", b"{", b"null", b"[]", b'"x"', b"1", b"\xff", b"[" * 90_000, b"{}" * 2, b'{"exp":1e999}'],
    ids=lambda payload: repr(payload[:9]),
)
def test_payload_that_is_no_object_is_refused(header: Json, payload: bytes) -> None:
    """Denial of service by what crashes a parser."""
    assert refused(sign(header, payload))
    assert refused(sign(payload[:300], payload))


def test_nested_or_encrypted_token_is_refused(token: str, header: Json, claims: Json) -> None:
    """Token substitution."""
    encrypted = jwt.encode(
        {"alg": "dir", "enc": "A128CBC-HS256", "typ": "at+jwt"},
        claims,
        OctKey.import_key(KEY[:32]),
        registry=jwe.JWERegistry(algorithms=["dir", "A128CBC-HS256"]),
    )

    assert refused(encrypted)
    assert refused(sign(header, token.encode()))
    assert refused(sign(header | {"cty": "JWT"}, token.encode()))


@pytest.mark.parametrize(
    "scheme", ["", "Bearer", "Basic ", "Token ", "JWT ", "Bearer: ", "Bearer Bearer ", "Bearer\t"]
)
async def test_other_scheme_than_bearer_is_401(
    client: AsyncClient, token: str, scheme: str
) -> None:
    """Token substitution: what is meant for another scheme is not read."""
    assert await status_of(client, token, scheme) == 401


async def test_one_kind_of_token_is_not_accepted_as_another(
    client: AsyncClient, token: str, user: User
) -> None:
    """Token substitution: a refresh token as an access token, or the reverse."""
    refresh_token = await refresh_token_of(user)

    for part in (refresh_token, *refresh_token.split(".")):
        assert await status_of(client, part) == 401
    assert (await refresh(client, token)).status_code == 401
