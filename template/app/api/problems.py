"""Every error response is `application/problem+json` (RFC 9457), and is built here."""

from http import HTTPStatus
from math import ceil
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from fastapi.routing import iter_route_contexts
from sqlalchemy.exc import DBAPIError, InterfaceError, InternalError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.orm.exc import StaleDataError
from starlette.exceptions import HTTPException
from starlette.routing import Match
from structlog import get_logger

from app.api.openapi import names_in
from app.errors import AppError, Busy, InvalidToken, TooManyAttempts
from app.masking import brief
from app.schemas.problems import Problem

logger = get_logger(__name__)

# The status of a code of PostgreSQL, or else of its class; that of any other is 500, because it is
# our own mistake. The template's docs/sqlstates.md has all of them, with the reasons.
SQLSTATES = {"23": 409, "22000": 422, "22003": 422, "23514": 422, "44": 422, "23502": 500}
SQLSTATES |= dict.fromkeys(["08", "25006", "25P03", "25P04", "28", "3D", "40", "53", "55"], 503)
SQLSTATES |= dict.fromkeys(["57", "58", "72", "HV001", "HV00N"], 503)
SQLSTATES |= {"55P02": 500, "55P04": 500}
DRIVER_ERRORS = (OperationalError, InterfaceError, InternalError)
# The messages of Pydantic that quote what was sent, or a part of it.
QUOTING = {"uuid_parsing", "zoneinfo_str", "byte_size_unit"}
MAX_ERRORS = 100  # a body of a megabyte may be wrong in 100,000 places
# RFC 6750, section 3.1: an error code only if an access token was sent. A password, a refresh
# token and a reset token in a body are none.
CHALLENGE = {"WWW-Authenticate": "Bearer"}
INVALID_TOKEN = {"WWW-Authenticate": 'Bearer error="invalid_token"'}
RETRY = {"Retry-After": "1"}  # of every 503


def problem(
    status: int,
    detail: str | None = None,
    *,
    errors: list[dict[str, object]] | None = None,
    headers: dict[str, str] | None = None,
) -> JSONResponse:
    """Build the one shape of an error. `detail` is for the caller: it never quotes an internal."""
    title = HTTPStatus(status).phrase if status in set(HTTPStatus) else "Error"
    body = Problem.model_validate(
        {"title": title, "status": status, "detail": detail, "errors": errors}
    )
    return JSONResponse(
        body.model_dump(exclude_none=True),
        status_code=status,
        media_type="application/problem+json",
        headers=headers,
    )


def field_problem(error: dict[str, Any], names: set[str]) -> dict[str, object]:
    """Describe an invalid field without its value, which may be a password.

    The name of an unknown field and the key of a dictionary come from the caller, too, so `loc`
    holds only names that are in the OpenAPI document.
    """
    loc = [part for part in error["loc"] if isinstance(part, int) or part in names]
    msg = error["msg"]
    if error["type"] in QUOTING:
        msg = "Input should be valid."
    if error["type"] == "union_tag_invalid":
        msg = f"The tag is none of {error['ctx']['expected_tags']}."
    return {"loc": loc, "msg": msg, "type": error["type"]}


def methods_of(request: Request) -> set[str]:
    """The methods of every route that has this path; Starlette names those of the first."""
    routes = iter_route_contexts(request.app.routes)
    matching = [route for route in routes if route.matches(request.scope)[0] != Match.NONE]
    return {method for route in matching for method in route.methods or ()}


def unavailable(error: Exception) -> JSONResponse:
    known = getattr(error, "orig", None) or error
    logger.warning("unavailable", error=brief(known.__context__ or known))  # asyncpg's own error
    detail = "The database, or another service this needs, does not answer."
    return problem(503, detail, headers=RETRY)


async def on_app_error(request: Request, error: AppError) -> JSONResponse:
    headers = {}
    if isinstance(error, InvalidToken):
        headers = INVALID_TOKEN
    elif error.status == HTTPStatus.UNAUTHORIZED:
        headers = CHALLENGE
    elif isinstance(error, Busy):
        headers = RETRY
    elif isinstance(error, TooManyAttempts):
        headers = {"Retry-After": str(ceil(error.wait.total_seconds()))}
    return problem(error.status, str(error), headers=headers)


async def on_http_exception(request: Request, error: HTTPException) -> JSONResponse:
    headers = dict(error.headers or {})
    if error.status_code == HTTPStatus.UNAUTHORIZED:
        headers = CHALLENGE | headers
    if error.status_code == HTTPStatus.METHOD_NOT_ALLOWED and (methods := methods_of(request)):
        headers["Allow"] = ", ".join(sorted(methods))
    return problem(error.status_code, str(error.detail), headers=headers)


async def on_invalid_request(request: Request, error: RequestValidationError) -> JSONResponse:
    names = names_in(request.app.openapi())
    errors = [field_problem(e, names) for e in error.errors()[:MAX_ERRORS]]
    return problem(422, "The request is not valid.", errors=errors)


async def on_database_error(request: Request, error: DBAPIError) -> JSONResponse:
    state = getattr(error.orig, "sqlstate", None) or ""
    status = SQLSTATES.get(state, SQLSTATES.get(state[:2]))
    if status == 409:
        return problem(409, "This conflicts with what exists, or refers to what does not.")
    if status == 422:
        return problem(422, "A value is refused by a rule of the database.")
    # asyncpg gives no state when a connection breaks in the middle of a statement.
    broken = error.connection_invalidated or (not state and isinstance(error, DRIVER_ERRORS))
    if status == 503 or broken:
        return unavailable(error)
    if state == "42501":
        # Not add_note: FastAPI calls this again for what it raises.
        error.__notes__ = ["The role of DATABASE_URL has no permission for this: GRANT it."]
    raise error  # our own mistake: 500


async def on_stale_data(request: Request, error: StaleDataError) -> JSONResponse:
    return problem(409, "Another request deleted this at the same time.")


async def on_no_connection(request: Request, error: Exception) -> JSONResponse:
    if getattr(error, "filename", None) is not None:
        raise error  # about a file: our own mistake
    return unavailable(error)


def install(app: FastAPI) -> None:
    app.exception_handler(AppError)(on_app_error)
    app.exception_handler(HTTPException)(on_http_exception)
    app.exception_handler(RequestValidationError)(on_invalid_request)
    app.exception_handler(DBAPIError)(on_database_error)
    app.exception_handler(StaleDataError)(on_stale_data)
    app.exception_handler(PoolTimeout)(on_no_connection)
    app.exception_handler(OSError)(on_no_connection)
