"""Migrations of an owner: what autogenerate writes, leaves alone, and does not see."""

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import RenderedAt
from tests.releases import documented
from tests.services import edit, git_commit, installed, outcome, run

THINGS = "app/models/things.py"
MODEL = """from enum import Enum, auto

from sqlalchemy import CheckConstraint, Index, text
from sqlalchemy.dialects.postgresql import ExcludeConstraint
from sqlalchemy.orm import Mapped, mapped_column

from app.db.base import Record


class Kind(Enum):
    GOOD = auto()


class Thing(Record):
    __tablename__ = "things"
    __table_args__ = (
        CheckConstraint("size > 0", name="size"),
        ExcludeConstraint(("name", "="), using="btree", name="things_name_excl"),
        Index("things_size_idx", "size", postgresql_where=text("size > 1")),
    )

    kind: Mapped[Kind]
    name: Mapped[str] = mapped_column(server_default=text("gen_random_uuid()::text"))
    size: Mapped[int] = mapped_column(server_default=text("1 + 1"))
    token: Mapped[str] = mapped_column(server_default=text("encode(sha256('x'), 'hex')"))
    word: Mapped[str] = mapped_column(server_default="it's 100 %: a word")
"""
AGREE = "tests/contract/test_migrations.py"


@pytest.fixture(scope="module")
def owned(workspace: Path) -> Path:
    folder = installed(workspace / "migrations")
    (folder / THINGS).write_text(MODEL)
    run(folder, "uv", "run", "--no-sync", "poe", "revision", "things")
    # Autogenerate leaves the type of an enum behind, as `test_migration_goes_up_down_and_up` says.
    drop = 'op.drop_table("things")\n'
    edit(versions(folder)[-1], drop, f'{drop}    op.execute("DROP TYPE kind")\n')
    run(folder, "uv", "run", "--no-sync", "poe", "migrate")
    git_commit(folder, "Add things")
    return folder


@pytest.fixture
def service(owned: Path) -> Iterator[Path]:
    """As committed, and put back afterwards; so is its database."""
    head = re.findall(r'^revision: str = "(\w+)"', versions(owned)[-1].read_text(), re.MULTILINE)
    yield owned
    alembic(owned, "downgrade", *head)
    run(owned, "git", "clean", "-dfq", "app", "alembic")
    run(owned, "git", "reset", "--hard", "--quiet")


def versions(service: Path) -> list[Path]:
    return sorted((service / "alembic/versions").glob("*.py"))


def alembic(service: Path, *command: str) -> tuple[int, str]:
    return outcome(service, "uv", "run", "--no-sync", "poe", "alembic", *command)


def new_revision(service: Path, upgrade: str = "pass", downgrade: str = "pass") -> Path:
    """An empty one, as Alembic writes it; then what its owner writes into it."""
    before = {*versions(service)}
    run(service, "uv", "run", "--no-sync", "poe", "alembic", "revision", "-m", "new")
    (path,) = {*versions(service)} - before
    head, _, _ = path.read_text().partition("\ndef upgrade")
    parts = [
        f"def upgrade() -> None:\n    {upgrade}\n",
        f"def downgrade() -> None:\n    {downgrade}\n",
    ]
    path.write_text("\n\n".join([head, *parts]))
    return path


def executed(statements: list[str]) -> str:
    return "\n    ".join(f'op.execute("{statement}")' for statement in statements)


def test_default_that_is_random_is_no_difference(service: Path) -> None:
    code, output = alembic(service, "check")

    assert "No new upgrade operations detected." in output
    assert code == 0


@pytest.mark.sample(1)
@pytest.mark.parametrize(
    ("old", "new"),
    [("gen_random_uuid()::text", "gen_random_uuid()::text || 'x'"), ("1 + 1", "3")],
)
def test_other_default_is_a_difference(old: str, new: str, service: Path) -> None:
    edit(service / THINGS, old, new)

    code, output = alembic(service, "check")

    assert "modify_default" in output
    assert code != 0


def test_empty_migration_keeps_its_imports(service: Path) -> None:
    path = new_revision(service, 'op.execute(sa.text("SELECT 1"))')

    run(service, "uv", "run", "--no-sync", "ruff", "check")
    assert alembic(service, "upgrade", "head")[0] == 0
    assert "from alembic import op\n" in path.read_text()


def test_constraint_is_dropped_by_the_name_that_is_shown(service: Path) -> None:
    """As the migration itself says. Without `op.f` the name gets the prefix of the table twice."""
    text = (service / "alembic/script.py.mako").read_text()
    (example,) = re.findall(r"`(op\.drop_constraint\(.+\))`", text)
    assert example in (service / "AGENTS.md").read_text()
    path = new_revision(service, example, "op.create_check_constraint('role', 'users', 'true')")

    code, output = alembic(service, "upgrade", "head")

    assert code == 0, output
    alembic(service, "downgrade", "-1")
    path.write_text(path.read_text().replace("op.f", ""))
    assert (
        '"users_users_role_check_check" of relation "users" does not exist'
        in alembic(service, "upgrade", "head")[1]
    )


def test_tables_of_others_are_left_alone(service: Path) -> None:
    """So are a foreign key of theirs to a table of ours, and an index of a materialized view."""
    queue = [
        "CREATE TABLE queue (id bigint PRIMARY KEY, user_id bigint REFERENCES users)",
        "CREATE TABLE queue_jobs (id bigint)",
        "CREATE MATERIALIZED VIEW names AS SELECT name FROM users",
        "CREATE INDEX names_name_idx ON names (name)",
    ]
    drop = ["DROP TABLE queue, queue_jobs", "DROP MATERIALIZED VIEW names"]
    new_revision(service, executed(queue), executed(drop))
    alembic(service, "upgrade", "head")
    assert "remove_table" in alembic(service, "check")[1]
    edit(service / "alembic/env.py", "OTHERS: list[str] = []", 'OTHERS: list[str] = ["queue*"]')

    code, output = alembic(service, "check")

    assert code == 0, output
    run(service, "uv", "run", "--no-sync", "pytest", "-q", AGREE)


def test_table_without_its_model_is_dropped(service: Path) -> None:
    (service / THINGS).unlink()

    code, output = alembic(service, "check")

    assert "remove_table" in output
    assert "'things'" in output
    assert code != 0


@pytest.mark.sample(2)
@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("size > 0", "size > 2", ["DROP CONSTRAINT things_size_check", "CHECK ((size > 2))"]),
        ("size > 1", "size > 9", ["DROP INDEX things_size_idx", "WHERE (size > 9)"]),
        ('("name", "=")', '("word", "=")', ["EXCLUDE USING btree (word WITH =)"]),
        ("GOOD = auto()", "GOOD = auto()\n    BAD = auto()", ["ALTER TYPE kind ADD VALUE 'BAD'"]),
        ("GOOD = auto()", "FAIR = auto()", ["replace the type kind by one without 'GOOD'"]),
    ],
)
def test_what_autogenerate_does_not_see_is_noticed(
    old: str, new: str, told: list[str], service: Path
) -> None:
    edit(service / THINGS, old, new)
    assert alembic(service, "check")[0] == 0, "autogenerate sees it now: the test may go"

    code, output = outcome(service, "uv", "run", "--no-sync", "pytest", "-q", AGREE)

    assert code == 1
    assert all(line in output for line in told), output


@pytest.mark.sample(0)
def test_last_release_passes_on_the_schema_of_this_one(
    owned: Path, rendered_at: RenderedAt, workspace: Path
) -> None:
    """It still runs while the new one is deployed."""
    last = shutil.copytree(rendered_at(documented()[-1], {}), workspace / "last-release")
    shutil.rmtree(last / "alembic/versions")
    (last / "alembic/versions").mkdir()
    for path in versions(owned):
        shutil.copy(path, last / "alembic/versions")

    run(last, "uv", "run", "--locked", "pytest", "-q", "tests/unit", "tests/integration")
