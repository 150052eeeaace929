"""The engine and its sessions. Importing this connects to nothing."""

from sqlalchemy.ext.asyncio import async_sessionmaker, create_async_engine

from app.config import settings
from app.db.connection import connect_args
from app.db.pool import FairPool

# In the pool, connections are in AUTOCOMMIT: a ping and a read take one round trip each, not
# three. Every `SessionLocal()` is a real transaction nevertheless. Keep exactly these two levels:
# options derived from options do not override.
engine = create_async_engine(
    settings.database_url,
    pool_pre_ping=True,
    isolation_level="AUTOCOMMIT",
    poolclass=FairPool,
    pool_size=settings.database_pool_size,
    max_overflow=0,
    pool_timeout=settings.database_pool_timeout,
    pool_recycle=1800,
    hide_parameters=True,
    connect_args=connect_args(settings),
)

SessionLocal = async_sessionmaker(
    engine, expire_on_commit=False, execution_options={"isolation_level": "READ COMMITTED"}
)
# A closed session would reopen by itself: used after its request, it would leak a connection.
SessionLocal.configure(close_resets_only=False)
