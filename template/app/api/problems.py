"""Every error leaves the service as `application/problem+json` (RFC 9457), built here."""

from http import HTTPStatus

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from starlette.exceptions import HTTPException
from structlog import get_logger

from app.errors import AppError
from app.schemas.problems import Problem

logger = get_logger(__name__)

TAKEN = {"23505", "23503"}  # a unique value is in use; a referenced row is gone, or still needed
# SQLSTATE classes: connection lost, a transaction to repeat, no resources, a wait cut short,
# the server is going down.
PASSING = ("08", "40", "53", "55", "57")
CHALLENGE = {"WWW-Authenticate": "Bearer"}


def problem(
    status: int,
    detail: str | None = None,
    *,
    errors: list[dict[str, object]] | None = None,
    headers: dict[str, str] | None = None,
) -> JSONResponse:
    """Build the one shape of an error. `detail` is for the caller: it never quotes an internal."""
    body = Problem.model_validate(
        {"title": HTTPStatus(status).phrase, "status": status, "detail": detail, "errors": errors}
    )
    return JSONResponse(
        body.model_dump(exclude_none=True),
        status_code=status,
        media_type="application/problem+json",
        headers=headers,
    )


def unavailable(error: Exception) -> JSONResponse:
    logger.warning("database unavailable", error=type(error).__name__)
    return problem(503, "The database does not answer.", headers={"Retry-After": "1"})


def install(app: FastAPI) -> None:
    @app.exception_handler(AppError)
    async def on_app_error(request: Request, error: AppError) -> JSONResponse:
        headers = CHALLENGE if error.status == HTTPStatus.UNAUTHORIZED else None
        return problem(error.status, str(error), headers=headers)

    @app.exception_handler(HTTPException)
    async def on_http_exception(request: Request, error: HTTPException) -> JSONResponse:
        response = problem(error.status_code, error.detail)
        response.headers.update(error.headers or {})
        return response

    @app.exception_handler(RequestValidationError)
    async def on_invalid_request(request: Request, error: RequestValidationError) -> JSONResponse:
        # Never the input: it may be a password, or a number that JSON cannot write.
        errors = [{key: e[key] for key in ("loc", "msg", "type")} for e in error.errors()]
        return problem(422, "The request is not valid.", errors=errors)

    @app.exception_handler(DBAPIError)
    async def on_database_error(request: Request, error: DBAPIError) -> JSONResponse:
        state = getattr(error.orig, "sqlstate", None) or ""
        if state in TAKEN:
            return problem(409, "This already exists, or something it refers to does not.")
        if state.startswith(PASSING) or isinstance(error, OperationalError | InterfaceError):
            return unavailable(error)
        raise error  # our own mistake: 500

    @app.exception_handler(PoolTimeout)
    @app.exception_handler(OSError)
    async def on_no_connection(request: Request, error: Exception) -> JSONResponse:
        return unavailable(error)
