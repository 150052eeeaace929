"""Tokens: JWTs for access and for a password reset, random secrets, and what is stored of them.

JWTs are made by joserfc, the JOSE library of the Authlib project: python-jose depends on a
package with a CVE that will not be fixed, and `authlib.jose` is deprecated by its author in
joserfc's favour.
"""

import hashlib
import hmac
import re
import secrets
from datetime import timedelta
from typing import Any, NamedTuple

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import OctKey

from app.config import settings
from app.db.base import utc_now

ALGORITHM = "HS256"
ACCESS = "at+jwt"  # RFC 9068's name for an access token
RESET = "reset+jwt"
ACCESS_LIFETIME = timedelta(minutes=settings.access_token_minutes)
RESET_LIFETIME = timedelta(hours=1)
ID = re.compile("[1-9][0-9]{0,17}")  # as many digits as always fit into a bigint

_key = OctKey.import_key(settings.secret_key.get_secret_value())
_claims = jwt.JWTClaimsRegistry(
    leeway=60,  # seconds that the clocks of two replicas may differ
    iss={"essential": True, "value": settings.jwt_issuer},
    aud={"essential": True, "value": settings.jwt_issuer},
    sub={"essential": True},
    exp={"essential": True},
    iat={"essential": True},
    jti={"essential": True},
)


class AccessToken(NamedTuple):
    user_id: int
    session_id: int


class ResetToken(NamedTuple):
    user_id: int
    fingerprint: str


def create_access_token(user_id: int, session_id: int) -> str:
    return _sign(ACCESS, ACCESS_LIFETIME, sub=str(user_id), sid=str(session_id))


def read_access_token(text: str) -> AccessToken | None:
    """Return what a valid access token says, or None."""
    claims = _read(ACCESS, text)
    user_id, session_id = _id(claims.get("sub")), _id(claims.get("sid"))
    return AccessToken(user_id, session_id) if user_id and session_id else None


def create_reset_token(user_id: int, password_hash: str) -> str:
    """Make a token for one password reset. It names the old hash, so it cannot be replayed."""
    return _sign(RESET, RESET_LIFETIME, sub=str(user_id), old=fingerprint(password_hash))


def read_reset_token(text: str) -> ResetToken | None:
    """Return the user and the fingerprint that their password hash must have, or None."""
    claims = _read(RESET, text)
    user_id = _id(claims.get("sub"))
    return ResetToken(user_id, str(claims.get("old"))) if user_id else None


def _sign(kind: str, lifetime: timedelta, **claims: str) -> str:
    now = utc_now()
    claims |= {"iss": settings.jwt_issuer, "aud": settings.jwt_issuer, "jti": new_secret()}
    times = {"iat": now, "exp": now + lifetime}
    return jwt.encode({"alg": ALGORITHM, "typ": kind}, claims | times, _key)


def _read(kind: str, text: str) -> dict[str, Any]:
    """Return the claims of a valid token, or none.

    Only the header that `_sign` writes is accepted. That prevents algorithm confusion, keys that
    the caller brings along, and the use of one kind of token as another (RFC 8725).
    """
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
    """SHA-256: fast, which is safe for a random secret. Only passwords need a slow hash."""
    return hashlib.sha256(secret.encode()).hexdigest()


def keyed_fingerprint(text: str) -> str:
    """HMAC-SHA-256 for a text that can be guessed: a dictionary attack would need our key."""
    key = settings.secret_key.get_secret_value().encode()
    return hmac.digest(key, text.encode(), "sha256").hex()
