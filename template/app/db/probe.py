"""Whether the database answers, asked over a connection that no request can keep busy."""

from sqlalchemy import select
from sqlalchemy.ext.asyncio import create_async_engine

from app.config import settings
from app.db.connection import connect_args

engine = create_async_engine(
    settings.database_url,
    pool_pre_ping=True,
    pool_size=1,
    max_overflow=0,
    pool_timeout=settings.database_pool_timeout,
    connect_args=connect_args(settings),
)


async def ask() -> None:
    """Raises what a query of a database that does not answer raises."""
    async with engine.connect() as connection:
        await connection.execute(select(1))
