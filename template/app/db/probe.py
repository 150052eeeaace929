"""Whether the database answers, asked over a connection that no request can keep busy."""

from sqlalchemy.ext.asyncio import create_async_engine

from app.config import settings
from app.db.connection import connect_args
from app.db.pool import FairPool

engine = create_async_engine(
    settings.database_url,
    pool_pre_ping=True,
    isolation_level="AUTOCOMMIT",  # or a ping begins a transaction, without the ping's timeout
    poolclass=FairPool,
    pool_size=1,
    max_overflow=0,
    pool_timeout=settings.database_pool_timeout,
    connect_args=connect_args(settings),
)


async def ask() -> None:
    """Take a connection: an idle one is pinged, a new one signs in. Raises what a query raises."""
    async with engine.connect():
        pass
