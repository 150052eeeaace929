"""Every migration goes up, down and up again; then models and migrations agree."""

from collections.abc import AsyncIterator

import pytest
from alembic import command
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from app.config import settings
from app.db.base import Base
from tests.contract import database

# Constraints, indexes and labels of enums as PostgreSQL prints them; how to drop and to add each.
DEFINITIONS = text("""
    SELECT conrelid::regclass || replace(definition, ' NOT VALID', ''),
        format('ALTER TABLE %s DROP CONSTRAINT %I', conrelid::regclass, conname),
        format('ALTER TABLE %s ADD CONSTRAINT %I %s', conrelid::regclass, conname, definition)
    FROM pg_constraint LEFT JOIN pg_class ON pg_class.oid = conrelid,
        pg_get_constraintdef(pg_constraint.oid) AS definition
    WHERE contype IN ('c', 'f', 'p', 'u', 'x') AND coalesce(relname = ANY(:tables), true)
    UNION ALL SELECT indexdef, format('DROP INDEX %I', indexname), indexdef
    FROM pg_indexes
    WHERE tablename = ANY(:tables) AND indexname NOT IN (SELECT conname FROM pg_constraint)
    UNION ALL SELECT format('%s %L', enumtypid::regtype, enumlabel),
        format('-- replace the type %s by one without %L', enumtypid::regtype, enumlabel),
        format('ALTER TYPE %s ADD VALUE %L', enumtypid::regtype, enumlabel)
    FROM pg_enum""")
SCRIPTS = ScriptDirectory("alembic")
REVISIONS = [script.revision for script in SCRIPTS.walk_revisions()][::-1]


@pytest.fixture(scope="module")
async def blank(cloned_database: None) -> AsyncIterator[AsyncEngine]:
    """A database without a table, for this module."""
    name = f"{database.CLONE}_blank"
    async with database.connected() as connection:
        await database.create(connection, name)
    engine = create_async_engine(
        settings.database_url.set(database=name), connect_args=database.CONNECT
    )
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


async def test_database_is_as_the_models_say(blank: AsyncEngine) -> None:
    """Autogenerate sees no other text of a CHECK, no label of an enum, and no primary key.

    Other tables and materialized views are not compared: dropping ours takes parts of them along.
    """
    ours = {"tables": [table.name for table in Base.metadata.tables.values()]}

    def differences(connection: Connection) -> list[str]:
        command.upgrade(database.alembic_config(connection), "head")
        migrated = {key: drop for key, drop, _ in connection.execute(DEFINITIONS, ours)}
        connection.execute(text(database.for_every_table("DROP TABLE %s CASCADE")))
        Base.metadata.drop_all(connection)  # the types of enums
        Base.metadata.create_all(connection)
        modelled = {key: add for key, _, add in connection.execute(DEFINITIONS, ours)}
        gone = [migrated[key] for key in sorted(migrated.keys() - modelled.keys())]
        return gone + [modelled[key] for key in sorted(modelled.keys() - migrated.keys())]

    async with blank.connect() as connection:
        found = await connection.run_sync(differences)

    told = "Write a migration, because autogenerate does not see this: `op.execute` for each line."
    assert not found, "\n".join([told, *found])


def test_migrations_have_one_head() -> None:
    assert len(SCRIPTS.get_heads()) == 1
