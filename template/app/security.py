"""Passwords and tokens.

JWTs are made by joserfc, the JOSE library of the Authlib project: python-jose depends on a
package with a CVE that will not be fixed, and `authlib.jose` is deprecated by its author in
joserfc's favour.
"""

import asyncio
import hashlib
import secrets
from datetime import timedelta
from functools import cache
from typing import NamedTuple

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import OctKey
from pwdlib import PasswordHash
from pwdlib.hashers.argon2 import Argon2Hasher

from app.config import settings
from app.db.base import utc_now

ALGORITHM = "HS256"
TOKEN_TYPE = "at+jwt"  # noqa: S105 - RFC 9068's name for an access token
LIFETIME = timedelta(minutes=settings.access_token_minutes)

_key = OctKey.import_key(settings.secret_key.get_secret_value())
_claims = jwt.JWTClaimsRegistry(
    leeway=5,
    iss={"essential": True, "value": settings.jwt_issuer},
    aud={"essential": True, "value": settings.jwt_issuer},
    sub={"essential": True},
    sid={"essential": True},
    exp={"essential": True},
)
_hasher = PasswordHash((Argon2Hasher(),))
# One hash takes 64 MiB and about 100 ms of a core; more at once would only starve the others.
_hashing = asyncio.Semaphore(2)


class AccessToken(NamedTuple):
    user_id: int
    session_id: int


def create_access_token(user_id: int, session_id: int) -> str:
    now = utc_now()
    claims = {
        "iss": settings.jwt_issuer,
        "aud": settings.jwt_issuer,
        "sub": str(user_id),
        "sid": str(session_id),
        "jti": secrets.token_urlsafe(16),
        "iat": now,
        "exp": now + LIFETIME,
    }
    return jwt.encode({"alg": ALGORITHM, "typ": TOKEN_TYPE}, claims, _key)


def read_access_token(text: str) -> AccessToken | None:
    """Return what a token says, or None unless it is ours, of this kind, and still valid."""
    try:
        token = jwt.decode(text, _key, algorithms=[ALGORITHM])
        _claims.validate(token.claims)
        if token.header.get("typ") != TOKEN_TYPE:
            return None
        return AccessToken(int(token.claims["sub"]), int(token.claims["sid"]))
    except (JoseError, ValueError, TypeError):
        return None


def new_secret() -> str:
    return secrets.token_urlsafe(32)


def fingerprint(secret: str) -> str:
    """SHA-256 is enough for what is random already; only passwords need a slow hash."""
    return hashlib.sha256(secret.encode()).hexdigest()


async def hash_password(password: str) -> str:
    """Hash with Argon2id. Hold no database connection meanwhile: it would wait with you."""
    async with _hashing:
        return await asyncio.to_thread(_hasher.hash, password)


async def verify_password(password: str, password_hash: str | None) -> tuple[bool, str | None]:
    """Say whether the password fits and, when it does, a newer hash to store, if one is due.

    Without a hash it takes as long and says no, so that nobody learns which accounts exist.
    Hold no database connection meanwhile.
    """
    async with _hashing:
        return await asyncio.to_thread(_verify, password, password_hash)


def _verify(password: str, password_hash: str | None) -> tuple[bool, str | None]:
    if password_hash is None:
        _hasher.verify(password, _hash_of_nobody())
        return False, None
    return _hasher.verify_and_update(password, password_hash)


@cache
def _hash_of_nobody() -> str:
    return _hasher.hash(secrets.token_urlsafe())
