"""Migrations of a database in use: replicas at once, queries that block, a silent server."""

import re
import socket
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from time import monotonic

import pytest

from tests.rendered.squawk import findings
from tests.rendered.test_database_servers import at, server, sql
from tests.services import environment, installed, outcome, wait_until

MIGRATION = '''"""New.

Revision ID: new
Revises: 0002
"""

from alembic import op

revision: str = "new"
down_revision: str | None = "0002"
branch_labels: str | None = None
depends_on: str | None = None


def upgrade() -> None:
{}


def downgrade() -> None:
    pass
'''
INDEX = """    with op.get_context().autocommit_block():
        op.execute("DROP INDEX CONCURRENTLY IF EXISTS posts_title_idx")
        op.execute("CREATE INDEX CONCURRENTLY posts_title_idx ON posts (title)")"""
ALTER = '    op.execute("ALTER TABLE posts ADD COLUMN subtitle text")'
USER = (
    "INSERT INTO users (email, name, password_hash, created_at, updated_at)"
    " VALUES ('a@example.com', 'A', '-', now(), now())"
)
POSTS = (
    "INSERT INTO posts (title, body, author_id, created_at, updated_at)"
    " SELECT n, 'x', (SELECT max(id) FROM users), now(), now() FROM generate_series(1, {}) n"
)
WRITER = f"""
import asyncio, sys
from sqlalchemy import text
from app.db.session import SessionLocal

async def main():
    end = asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    print("started", flush=True)
    count = 0
    while not end.done():
        async with SessionLocal() as db, db.begin():
            await db.execute(text("{POSTS.format(1)}"))
        count += 1
    print(count)

asyncio.run(main())
"""
CONNECTIONS = (
    "SELECT count(*) FROM pg_stat_activity"
    " WHERE datname = current_database() AND application_name = 'alembic'"
)
VALID = (
    "SELECT indisvalid FROM pg_index JOIN pg_class ON pg_class.oid = indexrelid"
    " WHERE relname = 'posts_title_idx'"
)
LIMITS = "BEGIN;\n\nSET LOCAL statement_timeout = 0;\n\nSET LOCAL lock_timeout = '3s';\n"


@pytest.fixture(scope="module")
def service(workspace: Path) -> Path:
    return installed(workspace / "blocked")


@pytest.fixture(scope="module")
def migrated(service: Path) -> Iterator[dict[str, str]]:
    with server(service) as host:
        assert alembic(service, at(host))[0] == 0
        sql(service, USER, **at(host))
        yield at(host)


@pytest.fixture
def database(service: Path, migrated: dict[str, str]) -> Iterator[dict[str, str]]:
    """The variables of a migrated database, which has one user. It goes away after the test."""
    url = migrated["DATABASE_URL"].replace("/postgres?", "/template1?")
    at_template = {"DATABASE_URL": url}
    sql(service, "CREATE DATABASE blocked TEMPLATE postgres", **at_template)
    yield {"DATABASE_URL": url.replace("/template1?", "/blocked?")}
    (service / "alembic/versions/new.py").unlink(missing_ok=True)
    sql(service, "DROP DATABASE blocked WITH (FORCE)", **at_template)


def write(service: Path, upgrade: str) -> None:
    (service / "alembic/versions/new.py").write_text(MIGRATION.format(upgrade))


def alembic(service: Path, database: dict[str, str], *options: str) -> tuple[int, str]:
    command = ("uv", "run", "--no-sync", "alembic", *options, "upgrade", "head")
    return outcome(service, *command, **database)


@contextmanager
def session(
    service: Path, database: dict[str, str], *command: str, said: str = ""
) -> Iterator[list[str]]:
    """Give what a process prints last. It has printed its first line, and ends with its input."""
    with subprocess.Popen(
        ["uv", "run", "--no-sync", *command],
        cwd=service,
        env=environment(**database),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdin
        assert process.stdout
        process.stdin.write(said)
        process.stdin.flush()
        process.stdout.readline()
        printed: list[str] = []
        yield printed
        printed += process.communicate()[0].splitlines()


def psql(
    service: Path, database: dict[str, str], *statements: str
) -> AbstractContextManager[list[str]]:
    """A stranger's session: it has run these statements, and stays as it is then."""
    said = "".join(f"{statement};\n" for statement in [*statements, "\\echo done"])
    return session(service, database, "poe", "-q", "psql", "-qtA", "-o", "/dev/null", said=said)


def test_replicas_build_an_index_once_while_rows_are_written(
    service: Path, database: dict[str, str], request: pytest.FixtureRequest
) -> None:
    """Also where an earlier run has left an invalid one: a stranger's old snapshot was in its way.

    The timeout of the role is short, and the snapshot of another stranger is held meanwhile.
    """
    rows = 1_000_000 if request.config.option.exhaustive else 20_000
    write(service, INDEX)
    sql(service, POSTS.format(rows), **database)
    snapshot = ("BEGIN ISOLATION LEVEL REPEATABLE READ", "SELECT count(*) FROM posts")
    with psql(service, database, *snapshot):
        code, said = alembic(service, database, "-x", "wait=1")
    assert code != 0
    assert "What was committed before stays" in said
    assert sql(service, VALID, **database) == "f"
    sql(service, "ALTER DATABASE blocked SET statement_timeout = '1s'", **database)

    with (
        session(service, database, "python", "-c", WRITER) as written,
        ThreadPoolExecutor(4) as pool,
    ):
        with psql(service, database, *snapshot):
            runs = [pool.submit(alembic, service, database, "-x", "wait=120") for _ in range(4)]
            # Each has a connection for the lock; one has two more, to migrate and to watch.
            wait_until(lambda: sql(service, CONNECTIONS, **database) == "6")
        outcomes = [run.result() for run in runs]

    assert [code for code, _ in outcomes] == [0, 0, 0, 0], outcomes
    assert sum("Applied new: New." in said for _, said in outcomes) == 1
    assert sum("for another run of migrations: pid " in said for _, said in outcomes) == 3
    assert sql(service, VALID, **database) == "t"
    assert int(written[-1]) > 100


def test_blocked_migration_says_in_a_line_who_blocks(
    service: Path, database: dict[str, str]
) -> None:
    write(service, ALTER)
    blocking = "SET application_name = 'nightly'", "BEGIN", "SELECT FROM posts WHERE title = 'mine'"

    with psql(service, database, *blocking):
        code, said = alembic(service, database, "-x", "wait=20")

    assert code != 0
    waiting, failed = said.splitlines()
    who = r"up to 3 s for pid \d+ \(nightly, idle in transaction, last query at 20\S+ \S+\)"
    assert re.fullmatch(f"Waiting {who}", waiting)
    assert re.fullmatch(
        f"FAILED: canceling statement due to lock timeout: waited {who}. Nothing was changed. "
        "Try again at a quieter time, or end what blocks it first.",
        failed,
    )
    assert alembic(service, database) == (0, "Applied new: New.\n")


def test_another_run_is_waited_for_with_a_limit(service: Path, database: dict[str, str]) -> None:
    write(service, ALTER)

    with psql(service, database, "SELECT pg_advisory_lock(hashtext('alembic'))"):
        began = monotonic()
        code, said = alembic(service, database, "-x", "wait=1")
        waited = monotonic() - began

    assert code != 0
    waiting, failed = said.splitlines()
    assert waited < 20
    who = r"another run of migrations: pid \d+ \(psql, idle, last query at 20\S+ \S+\)"
    assert re.fullmatch(f"Waiting up to 1 s for {who}", waiting)
    assert re.fullmatch(
        f"FAILED: Waited 1 s for {who}. Nothing was changed. Try again, or wait longer: "
        "`alembic -x wait=SECONDS upgrade head`.",
        failed,
    )
    assert alembic(service, database, "-x", "wait=no")[1].count("\n") == 1


def test_silent_server_is_a_reason(service: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"postgresql://me:secret@127.0.0.1:{silent.getsockname()[1]}/x?connect_timeout=1"
        code, said = alembic(service, {"DATABASE_URL": url})

    assert code != 0
    assert re.fullmatch(r"FAILED: No database at \S+/x\S+: it does not answer\. Start .+\n", said)
    assert "secret" not in said


def test_every_transaction_has_its_limits(service: Path, database: dict[str, str]) -> None:
    """Also the one after an `autocommit_block`, and those of `--sql`. The block has no timeout."""
    sql(service, "ALTER DATABASE blocked SET statement_timeout = '1s'", **database)
    check = """op.execute("DO $$ BEGIN ASSERT current_setting('{}') = '{}'; END $$")"""
    limits = [check.format("statement_timeout", "0"), check.format("lock_timeout", "3s")]
    inside = [check.format("statement_timeout", "0"), check.format("lock_timeout", "10min")]
    block = ["with op.get_context().autocommit_block():", *(f"    {line}" for line in inside)]
    write(service, "\n".join(f"    {line}" for line in [*limits, *block, *limits]))

    code, said = alembic(service, database)

    assert code == 0, said
    printed = outcome(service, "uv", "run", "--no-sync", "alembic", "upgrade", "head", "--sql")[1]
    assert printed.count(LIMITS) == printed.count("BEGIN;") == 2


def test_no_migration_locks_a_table_for_long(service: Path) -> None:
    assert findings(service) == ""

    new = service / "alembic/versions/new.py"
    write(service, '    op.create_index("posts_title_idx", "posts", ["title"])')
    try:
        assert "require-concurrent-index-creation" in findings(service)
    finally:
        new.unlink()
