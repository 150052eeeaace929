"""What `tests.contract.conformance` finds wrong with a response."""

import json
from typing import Any

import pytest
from fastapi import FastAPI
from httpx import ASGITransport, AsyncClient, Request, Response

from app.api.middleware import SECURITY_HEADERS
from app.config import settings
from tests.contract.conformance import FAULTS, faults_of, pytest_runtest_call

USER = {
    "id": 1,
    "email": "a@example.com",
    "name": "A",
    "role": "user",
    "disabled": False,
    "created_at": "2026-01-31T12:00:00Z",
    "last_login_at": None,
}
PROBLEM = {"title": "Not Found", "status": 404}


def faults(
    path: str = "/users/me",
    status: int = 200,
    body: Any = USER,
    media_type: str = "application/json",
    method: str = "GET",
    without: str = "",
) -> str:
    """The faults of a response that is made as told, with every header but one."""
    headers = {"X-Request-ID": "1", **SECURITY_HEADERS, "Content-Type": media_type}
    response = Response(
        status,
        headers={name: value for name, value in headers.items() if name != without},
        content=b"" if body is None else json.dumps(body),
    )
    return "\n".join(faults_of(Request(method, f"http://test{path}"), response))


def problem(status: int, body: Any = PROBLEM, path: str = "/users/1", without: str = "") -> str:
    return faults(path, status, body, "application/problem+json", without=without)


def test_documented_response_has_no_fault() -> None:
    assert faults() == ""
    assert problem(404) == ""
    assert problem(404, path="/no") == ""
    assert faults(method="DELETE", status=204, body=None) == ""
    assert faults("/docs", body="…", without="Content-Security-Policy") == ""


def test_fault_names_request_and_operation() -> None:
    assert faults(status=418).startswith("GET '/users/me' (read_me) answered 418: ")


def test_undocumented_status_is_a_fault() -> None:
    assert "the document does not know this status" in faults(status=202)


def test_undocumented_media_type_is_a_fault() -> None:
    assert "the document does not know text/plain here" in faults(media_type="text/plain")


def test_body_that_does_not_fit_its_schema_is_a_fault() -> None:
    assert "name does not fit its schema" in faults(body=USER | {"name": 1})
    assert '"email" is a required property' in faults(body={"id": 1})
    assert "not JSON" in faults(body=USER | {"id": float("nan")})


@pytest.mark.parametrize("time", ["2026-01-31T12:00:00", "2026-01-31T12:00:00+02:00", "now"])
def test_time_that_is_not_utc_is_a_fault(time: str) -> None:
    assert "created_at does not fit its schema" in faults(body=USER | {"created_at": time})


def test_body_of_a_204_is_a_fault() -> None:
    assert "this status has no body" in faults(method="DELETE", status=204)


@pytest.mark.parametrize("path", ["/users/me", "/no"])
def test_error_that_is_no_problem_is_a_fault(path: str) -> None:
    assert "an error is application/problem+json" in faults(path, 404, PROBLEM)
    assert "status does not fit its schema" in problem(404, PROBLEM | {"status": "x"}, path)


@pytest.mark.parametrize("name", ["X-Request-ID", *SECURITY_HEADERS])
def test_missing_header_is_a_fault(name: str) -> None:
    assert f"the header {name} is missing" in faults(without=name)
    assert f"the header {name} is missing" in problem(404, path="/no", without=name)


def test_missing_challenge_or_allow_is_a_fault() -> None:
    assert "needs the header WWW-Authenticate" in problem(401, path="/users/me")
    assert "needs the header Allow" in problem(405, path="/no")


def test_faults_of_a_skipped_test_fail_it(request: pytest.FixtureRequest) -> None:
    request.node.stash[FAULTS].append("a fault")
    call = pytest_runtest_call(request.node)
    next(call)

    with pytest.raises(pytest.fail.Exception, match="a fault"):
        call.throw(pytest.skip.Exception("nothing to call"))

    request.node.stash[FAULTS].clear()


async def test_every_response_of_a_test_is_checked(request: pytest.FixtureRequest) -> None:
    bare = ASGITransport(app=FastAPI(title=settings.title))

    async with AsyncClient(transport=bare, base_url="http://test") as client:
        await client.get("/no")

    found = request.node.stash[FAULTS]
    assert any("X-Request-ID is missing" in fault for fault in found)
    found.clear()
