"""The application factory, and `app` for `uvicorn app.main:app`."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI

from app import logging, shutdown
from app.api import PREFIX, problems
from app.api.middleware import BodyLimit, Cors, CrashBoundary, RequestBoundary
from app.api.openapi import describe, operation_id
from app.api.routes import find_routers
from app.api.time_limit import TimeLimitMiddleware
from app.config import Settings, settings
from app.db import probe
from app.db.connection import close
from app.db.session import engine
from app.log_output import output


@asynccontextmanager
async def lifespan(_: FastAPI) -> AsyncIterator[None]:
    with shutdown.announced(settings.shutdown_delay):
        yield
    await close(engine)
    await close(probe.engine)
    output.finish()  # SIGTERM ends the process without `atexit`


def create_app(settings: Settings = settings) -> FastAPI:
    app = FastAPI(
        title=settings.title,
        lifespan=lifespan,
        openapi_url="/openapi.json" if settings.docs else None,
        generate_unique_id_function=operation_id,
    )
    app.root_path = settings.root_path
    problems.install(app)
    for router in find_routers():
        app.include_router(router, prefix=PREFIX)
    describe(app)
    # The last one added is the outermost.
    app.add_middleware(BodyLimit, max_bytes=settings.max_body_bytes)
    app.add_middleware(TimeLimitMiddleware, seconds=settings.request_timeout)
    app.add_middleware(CrashBoundary)
    if settings.cors_origins:
        app.add_middleware(
            Cors,
            allow_origins=settings.cors_origins,
            allow_credentials=settings.refresh_token_cookie,
            allow_methods=["*"],
            allow_headers=settings.cors_headers,
            expose_headers=settings.cors_headers,
        )
    app.add_middleware(RequestBoundary, log_client_address=settings.log_client_address)
    return app


logging.configure(settings)
app = create_app()
