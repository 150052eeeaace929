"""Every response of every test is held against the OpenAPI document, and against our own rules.

There is nothing to call. A response that breaks a rule fails the test that asked for it.
"""

import json
import re
from collections.abc import Generator, Iterator
from copy import copy
from typing import Any

import pytest
from fastapi import FastAPI
from httpx import ASGITransport, AsyncByteStream, Request, Response

from app.api.middleware import DOCS, SECURITY_HEADERS
from app.config import settings
from tests.contract.operations import Operation, Schema, operations, validator
from tests.contract.streams import hanging_up

FAULTS = pytest.StashKey[list[str]]()
PROBLEM = "application/problem+json"
REQUEST_ID = re.compile(r"[\w.-]{1,64}", re.ASCII)
POLICY = "Content-Security-Policy"
NOT_UTC = ('is not a "date-time"', "is not a time in UTC, such as 2026-01-31T12:00:00Z")


@pytest.fixture(autouse=True)
def conformance(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Look at what `ASGITransport` returns, and let it pass: the verdict comes after the test."""
    faults: list[str] = []
    request.node.stash[FAULTS] = faults
    operations()  # read once, and before a test adds a route of its own
    send = ASGITransport.handle_async_request

    async def send_and_check(transport: ASGITransport, request: Request) -> Response:
        if not is_ours(transport.app):
            return await send(transport, request)
        impatient = copy(transport)
        impatient.app = hanging_up(transport.app)
        response = await send(impatient, request)
        faults.extend(faults_of(request, await copy_of(response)))
        return response

    monkeypatch.setattr(ASGITransport, "handle_async_request", send_and_check)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, object, object]:
    """Fail the test itself. Raised where the response is seen, a fault could be caught there."""
    try:
        result = yield
    except pytest.skip.Exception:  # it has seen responses, too
        fail_for_faults(item)
        raise
    fail_for_faults(item)
    return result


def fail_for_faults(item: pytest.Item) -> None:
    found: list[str] = item.stash.get(FAULTS, [])
    if faults := list(dict.fromkeys(found)):
        pytest.fail("\n".join(faults[:10]), pytrace=False)


def is_ours(app: object) -> bool:
    """Not, for example, a test's stand-in for an external API."""
    return not isinstance(app, FastAPI) or app.title == settings.title


async def copy_of(response: Response) -> Response:
    """A copy that is read already; the original is still to be read, by its caller."""
    assert isinstance(response.stream, AsyncByteStream)
    body = b"".join([part async for part in response.stream])
    return Response(response.status_code, headers=response.headers, content=body)


def faults_of(request: Request, response: Response) -> Iterator[str]:
    """What is wrong with a response, each fault in a sentence."""
    method, path = request.method, request.url.path
    operation = next((o for o in operations() if o.matches(method, path)), None)
    name = operation.name if operation else "not in the document"
    for fault in (
        *faults_of_headers(path, response),
        *faults_of_error(method, response),
        *(faults_by_document(operation, response) if operation else ()),
    ):
        yield f"{method} {path[:100]!r} ({name}) answered {response.status_code}: {fault}"


def faults_of_headers(path: str, response: Response) -> Iterator[str]:
    """What every response has, also one to an unknown path."""
    expected = {"X-Request-ID", *SECURITY_HEADERS} - ({POLICY} if path in DOCS else set())
    for name in sorted(expected):
        if name not in response.headers:
            yield f"the header {name} is missing."
    if not REQUEST_ID.fullmatch(response.headers.get("X-Request-ID", "none")):
        yield "the header X-Request-ID is not fit for a log."
    if response.status_code == 401 and "WWW-Authenticate" not in response.headers:
        yield "a 401 needs the header WWW-Authenticate."
    if response.status_code == 405 and "Allow" not in response.headers:
        yield "a 405 needs the header Allow."


def faults_of_error(method: str, response: Response) -> Iterator[str]:
    if response.status_code < 400 or method == "HEAD":
        return
    if response.headers.get("Content-Type") != PROBLEM:
        yield f"an error is {PROBLEM}, not {response.headers.get('Content-Type')}."
    else:
        yield from faults_of_body(response, {"$ref": "#/components/schemas/Problem"})


def faults_by_document(operation: Operation, response: Response) -> Iterator[str]:
    status, documented = response.status_code, operation.details["responses"]
    keys = (str(status), f"{status // 100}XX", "default")
    found = next((documented[key] for key in keys if key in documented), None)
    if found is None:
        yield "the document does not know this status. Write it into the route's `responses`."
        return
    if status in {204, 304}:
        if response.content:
            yield "this status has no body, but one was sent."
        return
    content, media_type = found.get("content", {}), response.headers.get("Content-Type", "")
    media_type = media_type.partition(";")[0]
    if media_type not in content and (response.content or content):
        yield f"the document does not know {media_type or 'an empty response'} here."
    elif media_type.endswith(("/json", "+json")) and media_type != PROBLEM:
        yield from faults_of_body(response, content[media_type].get("schema", {}))


def faults_of_body(response: Response, schema: Schema) -> Iterator[str]:
    try:
        body = json.loads(response.content, parse_constant=refuse)
    except ValueError as error:
        yield f"the body is not JSON ({error})."
        return
    for misfit in validator(schema).iter_errors(body):
        where = "/".join(map(str, misfit.instance_path)) or "the body"
        yield f"{where} does not fit its schema: {misfit.message.replace(*NOT_UTC)}."


def refuse(constant: str) -> Any:
    raise ValueError(f"JSON has no {constant}")
