"""The application factory, and `app` for `uvicorn app.main:app`."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI

from app import logging, shutdown
from app.api import PREFIX, problems
from app.api.middleware import BodyLimit, Cors, RequestBoundary
from app.api.openapi import describe, operation_id
from app.api.routes import find_routers
from app.config import Settings, settings
from app.db.session import engine


@asynccontextmanager
async def lifespan(_: FastAPI) -> AsyncIterator[None]:
    with shutdown.announced(settings.shutdown_delay):
        yield
    await engine.dispose()


def create_app(settings: Settings = settings) -> FastAPI:
    app = FastAPI(
        title=settings.title,
        lifespan=lifespan,
        openapi_url="/openapi.json" if settings.docs else None,
        generate_unique_id_function=operation_id,
    )
    problems.install(app)
    for router in find_routers():
        app.include_router(router, prefix=PREFIX)
    describe(app)
    # The last one added is the outermost.
    app.add_middleware(BodyLimit, max_bytes=settings.max_body_bytes)
    if settings.cors_origins:
        app.add_middleware(
            Cors,
            allow_origins=settings.cors_origins,
            allow_credentials=settings.refresh_token_cookie,
            allow_methods=["*"],
            allow_headers=["Authorization", "Content-Type", "X-Request-ID"],
            expose_headers=["X-Request-ID"],
        )
    app.add_middleware(RequestBoundary)
    return app


logging.configure(settings)
app = create_app()
