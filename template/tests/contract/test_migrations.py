"""Every migration goes up, down and up again; then models and migrations agree."""

from collections.abc import AsyncIterator

import pytest
from alembic import command
from alembic.script import ScriptDirectory
from sqlalchemy import Connection
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from app.config import settings
from tests.contract import database

SCRIPTS = ScriptDirectory("alembic")
REVISIONS = [script.revision for script in SCRIPTS.walk_revisions()][::-1]


@pytest.fixture(scope="module")
async def blank(cloned_database: None) -> AsyncIterator[AsyncEngine]:
    """A database without a table, for this module."""
    name = f"{database.CLONE}_blank"
    async with database.connected() as connection:
        await database.create(connection, name)
    engine = create_async_engine(settings.database_url.set(database=name))
    yield engine
    await engine.dispose()
    async with database.connected() as connection:
        await database.drop(connection, name)


@pytest.mark.parametrize("revision", REVISIONS)
async def test_migration_goes_up_down_and_up(blank: AsyncEngine, revision: str) -> None:
    def up_down_up(connection: Connection) -> None:
        config = database.alembic_config(connection)
        command.upgrade(config, revision)
        command.downgrade(config, "-1")
        command.upgrade(config, revision)

    async with blank.connect() as connection:
        await connection.run_sync(up_down_up)


async def test_models_and_migrations_agree(blank: AsyncEngine) -> None:
    def check(connection: Connection) -> None:
        config = database.alembic_config(connection)
        command.upgrade(config, "head")
        command.check(config)

    async with blank.connect() as connection:
        await connection.run_sync(check)


def test_migrations_have_one_head() -> None:
    assert len(SCRIPTS.get_heads()) == 1
