"""The answers for what every service has, and those of this service."""

from app.models.users import User
from app.tokens import create_reset_token
from tests.accounts import refresh_token_of
from tests.answers import ANSWERS as OWN
from tests.contract.answers import Answers
from tests.factories.users import PASSWORD


def reset_token_of(user: User) -> str:
    return create_reset_token(user.id, user.password_hash)


EVERY_SERVICE = Answers(
    values={
        "user_id": lambda user: user.id,
        "login.username": lambda user: user.email,
        "login.password": PASSWORD,
        "change_password.current_password": PASSWORD,
        "refresh.refresh_token": refresh_token_of,
        "reset_password.reset_token": reset_token_of,
        "update_user.disabled": True,
    },
    access={("read_user", "admin"): "allowed"},
    writes_nothing={"allow_password_reset": "the token is signed, not stored"},
    traces={"login_attempts": "an attempt to sign in counts, whatever its outcome"},
    headers={
        "cache-control": "no-store",
        "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
        "referrer-policy": "no-referrer",
        "strict-transport-security": "max-age=31536000; includeSubDomains",
        "x-content-type-options": "nosniff",
        "x-frame-options": "DENY",
        "x-request-id": None,
    },
    layers={
        ("app/api/deps.py", "commit"): "it commits what a `Recorded` error keeps",
        ("app/api/middleware.py", "broad except"): "it answers every crash",
        ("app/api/routes/health.py", "query"): "readiness asks whether the database answers",
    },
)

ANSWERS = EVERY_SERVICE | OWN
