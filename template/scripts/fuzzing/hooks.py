"""What schemathesis cannot read in the document, and how far its requests came."""

import atexit
import random
import string
from collections import Counter
from typing import Any
from urllib.parse import urljoin

import requests
import schemathesis

# As long as any password may be, and hard to guess.
HARD = "".join(random.Random(1).choices(string.ascii_letters, k=128))  # noqa: S311
REFRESH = {"refresh_token": "$response.body#/refresh_token"}
RESET = {"reset_token": "$response.body#/reset_token", "new_password": HARD}
LINKS = [
    ("login", "200", "refresh", REFRESH),
    ("refresh", "200", "refresh", REFRESH),
    ("allow_password_reset", "201", "reset_password", RESET),
]

accepted: Counter[str] = Counter()
sent: Counter[str] = Counter()


@schemathesis.hook
def before_load_schema(context: Any, raw_schema: dict[str, Any]) -> None:
    expect_bearer_tokens(raw_schema)
    link_tokens(raw_schema)


def expect_bearer_tokens(raw_schema: dict[str, Any]) -> None:
    """Its check `ignored_auth` passes over the type oauth2, which is a bearer token here too."""
    for scheme in raw_schema["components"]["securitySchemes"].values():
        if scheme["type"] == "oauth2":
            scheme |= {"type": "http", "scheme": "bearer"}


def link_tokens(raw_schema: dict[str, Any]) -> None:
    """Say which answers hold the tokens that other operations take."""
    operations = [op for path in raw_schema["paths"].values() for op in path.values()]
    named = {operation["operationId"]: operation for operation in operations}
    for source, status, target, body in LINKS:
        if not {source, target} <= named.keys():
            continue  # an owner may have removed it
        link = {"operationId": target, "requestBody": body}
        named[source]["responses"][status]["links"] = {target: link}


@schemathesis.hook
def before_call(context: Any, case: Any, kwargs: Any) -> None:
    """No schema can say that a new password is hard to guess. This makes it so, and as long."""
    if case.operation.label == "POST /auth/token" or not isinstance(case.body, dict):
        return
    for name in {"password", "new_password"} & case.body.keys():
        password = case.body[name]
        if isinstance(password, str) and 15 <= len(password) <= len(HARD) and "\0" not in password:
            case.body[name] = HARD[: len(password)]


@schemathesis.hook
def after_load_schema(context: Any, schema: Any) -> None:
    schema.auth(refresh_interval=None).apply_to(operation_id="delete_me")(Leaver)
    schema.auth.providers.insert(0, schema.auth.providers.pop())  # the first that fits is asked


class Leaver:
    """Who leaves takes everything along: so it is somebody who has nothing others go on with."""

    def get(self, case: Any, context: Any) -> str:
        door = urljoin(context.operation.schema.get_base_url(), "/fuzzing/leaver")
        return str(requests.post(door, timeout=10).json()["access_token"])

    def set(self, case: Any, token: str, context: Any) -> None:
        case.headers["Authorization"] = f"Bearer {token}"


@schemathesis.hook
def after_call(context: Any, case: Any, response: Any) -> None:
    sent[case.operation.label] += 1
    accepted[case.operation.label] += response.status_code < 300


@atexit.register
def report() -> None:
    """Many are meant to be refused; but an operation that accepted none was hardly tested."""
    print("Accepted, of all requests:")
    for operation in sorted(sent):
        print(f"{accepted[operation]:6} of {sent[operation]:4}  {operation}")
