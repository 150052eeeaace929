"""Passwords and tokens.

JWTs are made by joserfc, the JOSE library of the Authlib project: python-jose depends on a
package with a CVE that will not be fixed, and `authlib.jose` is deprecated by its author in
joserfc's favour.
"""

import asyncio
import hashlib
import hmac
import re
import secrets
import threading
from collections.abc import Collection
from datetime import timedelta
from typing import Any, NamedTuple

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import OctKey
from pwdlib import PasswordHash
from pwdlib.hashers.argon2 import Argon2Hasher
from zxcvbn import matching, zxcvbn

from app.config import settings
from app.db.base import utc_now

ALGORITHM = "HS256"
ACCESS = "at+jwt"  # RFC 9068's name for an access token
RESET = "reset+jwt"
LIFETIME = timedelta(minutes=settings.access_token_minutes)
RESET_LIFETIME = timedelta(hours=1)
JUDGED = 48  # characters: zxcvbn takes a tenth of a second for these, and ever more for more
STRONG_ENOUGH = 3  # of zxcvbn's 0 to 4: from ten to the eighth guesses on
ID = re.compile("[1-9][0-9]{0,17}")  # as many digits as always fit into a bigint

_key = OctKey.import_key(settings.secret_key.get_secret_value())
_claims = jwt.JWTClaimsRegistry(
    leeway=5,
    iss={"essential": True, "value": settings.jwt_issuer},
    aud={"essential": True, "value": settings.jwt_issuer},
    sub={"essential": True},
    exp={"essential": True},
    iat={"essential": True},
    jti={"essential": True},
)
_hasher = PasswordHash((Argon2Hasher(),))
# One hash takes 64 MiB and about 100 ms of a core; more at once would only starve the others.
_hashing = asyncio.Semaphore(2)
_judging = threading.Lock()  # zxcvbn keeps the words about an owner in a global
# It tries every combination of spellings: with all of its own, seconds for one password.
matching.L33T_TABLE.update(c=["("], g=["9"], i=["1", "!"], l=["1"], t=["7"])


class AccessToken(NamedTuple):
    user_id: int
    session_id: int


class ResetToken(NamedTuple):
    user_id: int
    fingerprint: str


def create_access_token(user_id: int, session_id: int) -> str:
    return _sign(ACCESS, LIFETIME, sub=str(user_id), sid=str(session_id))


def read_access_token(text: str) -> AccessToken | None:
    """Return what a token says, or None unless it is ours, of this kind, and still valid."""
    claims = _read(ACCESS, text)
    user_id, session_id = _id(claims.get("sub")), _id(claims.get("sid"))
    return AccessToken(user_id, session_id) if user_id and session_id else None


def create_reset_token(user_id: int, password_hash: str) -> str:
    """Make a token that is good for one new password: with it, the old hash is gone."""
    return _sign(RESET, RESET_LIFETIME, sub=str(user_id), old=fingerprint(password_hash))


def read_reset_token(text: str) -> ResetToken | None:
    """Return whose password may be set while its hash still has this fingerprint."""
    claims = _read(RESET, text)
    user_id = _id(claims.get("sub"))
    return ResetToken(user_id, str(claims.get("old"))) if user_id else None


def _sign(kind: str, lifetime: timedelta, **claims: str) -> str:
    now = utc_now()
    claims |= {"iss": settings.jwt_issuer, "aud": settings.jwt_issuer, "jti": new_secret()}
    times = {"iat": now, "exp": now + lifetime}
    return jwt.encode({"alg": ALGORITHM, "typ": kind}, claims | times, _key)


def _read(kind: str, text: str) -> dict[str, Any]:
    """Return the claims of a token; none unless it is ours, of this kind, and still valid."""
    try:
        token = jwt.decode(text, _key, algorithms=[ALGORITHM])
        _claims.validate(token.claims)
    except (JoseError, ValueError, TypeError, RecursionError):  # the last for `[[[[…`
        return {}
    return token.claims if token.header == {"alg": ALGORITHM, "typ": kind} else {}


def _id(claim: object) -> int | None:
    return int(claim) if isinstance(claim, str) and ID.fullmatch(claim) else None


def new_secret() -> str:
    return secrets.token_urlsafe(32)


def fingerprint(secret: str) -> str:
    """SHA-256 is enough for what is random already; only passwords need a slow hash."""
    return hashlib.sha256(secret.encode()).hexdigest()


def keyed_fingerprint(text: str) -> str:
    """For what could be guessed: without our key nobody can try."""
    key = settings.secret_key.get_secret_value().encode()
    return hmac.digest(key, text.encode(), "sha256").hex()


def easy_to_guess(password: str, about: Collection[str] = ()) -> bool:
    """Whether a guesser finds it early, who also knows these words about its owner."""
    with _judging:
        return bool(zxcvbn(password[:JUDGED], user_inputs=about)["score"] < STRONG_ENOUGH)


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
        _hasher.hash(password)  # as much work as to verify it
        return False, None
    return _hasher.verify_and_update(password, password_hash)
