"""`poe resource` from models as a team writes them, and twenty resources in one service."""

import os
import re
import shlex
import shutil
from pathlib import Path

import pytest

from tests.rendered.test_resource import MODELS, TYPED, new_files, resource
from tests.services import git_commit, installed, outcome, run

BY_HAND = Path(__file__).parent / "models"
# For each of them: options, and the columns that a sentence says are left out.
WRITTEN = {
    "bookings": ("--owned", "lasts pause"),
    "people": ("--public", "phone photo"),
    "orders": ("--private", "total"),
    "documents": ("--owned", "search"),
    "employees": ("--owner account", "clocked_in"),
    "countries": ("--admin", ""),
    "articles": ("--owned", ""),
}
ONES = {"people": "person", "countries": "country"}
REFUSED = {"ledgers": "schema", "vehicles": "one class that inherits"}
BEFORE = '''\
"""What the models need that Alembic does not write.

Revision ID: 0003
Revises: 0002
"""

from alembic import op

revision: str = "0003"
down_revision: str | None = "0002"
branch_labels: str | None = None
depends_on: str | None = None


def upgrade() -> None:
    op.execute("CREATE EXTENSION btree_gist")
    op.execute("CREATE EXTENSION citext")
    op.execute("CREATE SCHEMA accounting")


def downgrade() -> None:
    op.execute("DROP SCHEMA accounting")
    op.execute("DROP EXTENSION citext")
    op.execute("DROP EXTENSION btree_gist")
'''
# One column each: what is written for it passes, or a sentence says why nothing is written.
COLUMNS = {
    "a text": "tag: Mapped[str] = mapped_column(String(9))",
    "native enum": "tag: Mapped[Status]",
    "deferred": "tag: Mapped[str] = mapped_column(String(9), deferred=True)",
    "default of a date": "tag: Mapped[date] = mapped_column(default=date(2026, 1, 1))",
    "default of an enum": "tag: Mapped[str] = mapped_column(String(9), default=Status.DRAFT)",
    "example of a date": "tag: Mapped[date] = mapped_column(info={'example': date(2026, 2, 1)})",
    "example of a decimal": "tag: Mapped[Decimal] = mapped_column(Numeric(9, 2),"
    " info={'example': Decimal('2.50')})",
    "bounds without an example": "tag: Mapped[int] = mapped_column(info={'ge': 5})",
    "pattern without an example": "tag: Mapped[str] = mapped_column(String(9),"
    " info={'pattern': '^[0-9]+$'})",
    "pattern and unique": "tag: Mapped[str] = mapped_column(String(9), unique=True,"
    " info={'pattern': '^[A-Z]+$', 'example': 'AB'})",
    "unique and short": "tag: Mapped[str] = mapped_column(String(1), unique=True)",
    "required, of no known type": "tag: Mapped[timedelta]",
    "no relationship": "tag: Mapped[int] = mapped_column(ForeignKey('users.id'), index=True)",
    "CHECK of a pattern": "tag: Mapped[str] = mapped_column(String(9)) CHECK tag ~ '^[0-9]+$'",
    "CHECK of numbers": "tag: Mapped[int] CHECK tag IN (1, 2, 3)",
    "CHECK of a quote": "tag: Mapped[str] = mapped_column(String(9)) CHECK tag IN ('it''s', 'no')",
    "CHECK of what is not": "tag: Mapped[str] = mapped_column(String(9))"
    " CHECK tag NOT IN ('Hello')",
    "CHECK of two columns": "tag: Mapped[int] CHECK tag < top",
    "index on a virtual column": "tag: Mapped[str] = mapped_column(Computed('now()'), index=True)",
    "array of an enum": "tag: Mapped[list[Status]] = mapped_column(ARRAY(Enum(Status,"
    " native_enum=False)))",
    "decimal as a float": "tag: Mapped[float] = mapped_column(Numeric(9, 2, asdecimal=False))",
    "decimal of hundreds": "tag: Mapped[Decimal] = mapped_column(Numeric(5, -2))",
    "computed from what changes": "tag: Mapped[str] = mapped_column(String(9))"
    "\n    loud: Mapped[str] = mapped_column(Computed('upper(tag)'))",
    "word of Pydantic": "schema: Mapped[str] = mapped_column(String(9))",
    "unique with another": "tag: Mapped[bool] KEY UniqueConstraint('tag', 'top')",
    "unique where": "tag: Mapped[str] = mapped_column(String(9))"
    " KEY Index(None, 'top', unique=True, postgresql_where=text('tag = \\'new\\''))",
    "unique in other letters": "tag: Mapped[str] = mapped_column(String(9))"
    " KEY Index(None, text('lower(tag)'), unique=True)",
    "unique and from 100": "tag: Mapped[int] = mapped_column(unique=True,"
    " info={'ge': 100, 'example': 150})",
    "CHECK of one column": "tag: Mapped[int] = mapped_column(Integer,"
    " CheckConstraint('tag > 0', name='positive'))",
    "choices by an expression": "tag: Mapped[str] = mapped_column(String(9))"
    " KEY CheckConstraint(column('tag').in_(['new', 'old']), name='choice')",
    "month of a year": "tag: Mapped[int] = mapped_column(info={'ge': 1, 'le': 12})"
    " KEY UniqueConstraint('tag', 'top') CHECK tag BETWEEN 1 AND 12",
    "one of each": "tag: Mapped[bool] = mapped_column(default=False)"
    " KEY Index(None, 'tag', unique=True, postgresql_where=text('tag'))",
    "unique at the end": "tag: Mapped[int]"
    " KEY UniqueConstraint('tag', deferrable=True, initially='DEFERRED')",
    "other name in the table": "tag: Mapped[str] = mapped_column('desc', String(9))",
    "dict that says that it changed": "tag: Mapped[dict[str, Any]]"
    " = mapped_column(MutableDict.as_mutable(JSONB))",
    "type of one's own": "tag: Mapped[Any] = mapped_column(Spec, default=dict)",
    "list of one's own": "tag: Mapped[Any] = mapped_column(Words, default=list)",
    "list of dicts": "tag: Mapped[list[dict[str, Any]]] = mapped_column(JSONB, default=list)",
    "unique, and includes another": "tag: Mapped[int]"
    " KEY Index(None, 'tag', unique=True, postgresql_include=['top'])",
    "itself, unique with another": "tag_id: Mapped[int | None] = mapped_column("
    "ForeignKey('items.id', ondelete='SET NULL'), index=True)"
    "\n    tag: Mapped['Item | None'] = relationship(lazy='raise', remote_side='Item.id')"
    " KEY UniqueConstraint('tag_id', 'top')",
    "default of no sense": "tag: Mapped[date] = mapped_column(server_default='nonsense')",
}
# Lines with a name or a number that some file, type or test cannot have.
LINES = [
    "'name:str'",
    "'item:int key:int next_page:int item_page:int' --sort key --sort item --filter next_page",
    "'code:str(1):unique'",
    "'name:str(0)'",
    "'name:str(99999999999)'",
    "'price:decimal(0,0)'",
    "'price:decimal(2,5)'",
    "'name:str:unique:unique'",
    "'date:date? time:time?'",
    "'int:int str:str'",
    "'self:str'",
    "'items:str'",
    "'cursor:str' --filter cursor",
    "'after:date' --filter after",
    "'reader:str note:str' --private --filter reader",
    "'name:str' --owner db",
    "'name:str' --owner payload",
    "'name:str' --singular test",
    "'attempt:ref(login_attempts)'",
]
MODEL = """\
from datetime import date, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Any

from sqlalchemy import ARRAY, CheckConstraint, Computed, Enum, ForeignKey, Index, Integer, Numeric
from sqlalchemy import String, TypeDecorator, UniqueConstraint, column, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.mutable import MutableDict
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.db.base import Record


class Status(StrEnum):
    DRAFT = "draft"
    SENT = "sent"


class Spec(TypeDecorator[Any]):
    impl = JSONB
    cache_ok = True


class Words(TypeDecorator[Any]):
    impl = ARRAY(JSONB)
    cache_ok = True


class Item(Record):
    __tablename__ = "items"
    __table_args__ = (
        CheckConstraint("{check}", name="rule"),
        Index(None, "created_at", "id"),
        {key},
    )

    {column}
    top: Mapped[int]
"""
# One after the other: name and options, and the line.
TWENTY = {
    "customers --private": "name:str(80) email:str(200):unique vat:str(14)?",
    "invoices --private --filter customer_id": "number:str(40):unique amount:decimal(12,2)"
    " due_on:date customer:ref(customers)",
    "invoice_lines --under invoices": "text_of:str(99) pieces:int price:decimal(10,2)",
    "payments --private": "amount:decimal(12,2) paid_at:datetime invoice:ref(invoices)?"
    " kind:enum(card,cash)",
    "categories --admin": "name:str(60):unique parent:ref(categories)?",
    "products --admin --filter category_id --filter sold": "name:str(120) price:decimal(9,2)"
    " weight:float? category:ref(categories) sold:bool",
    "reviews --owner author --filter product_id": "stars:int body:text(2000)?"
    " product:ref(products)",
    "photos --under products": "file_name:str(255) width:int? height:int?",
    "orders --private --sort total": "number:str(20):unique total:decimal(10,2)",
    "projects --owned": "title:str(200) starts_on:date? ends_on:date?",
    "tasks --under projects --filter state": "title:str(200) done:bool due:datetime?"
    " state:enum(open,doing,done) worker:ref(users)?",
    "order_items --under orders --sort pieces": "product:str(40) pieces:int",
    "comments --owner author": "body:text label:str(9)? project:ref(projects)",
    "leaves --private --singular leaf": "reason:str(200) starts_on:date:index",
    "people --admin": "first_name:str(50) last_name:str(50) born:date?",
    "addresses --admin": "street:str city:str(80) person:ref(people) landlord:ref(people)?",
    "bulletins --admin --filter headline": "headline:str(150):index labels:list(str(20))",
    "preferences --private": "key_name:str(40) content:json extra:json?",
    "opening_hours --public": "opens:time closes:time day_of_week:bigint",
    "devices --owned": "serial:uuid:unique token:uuid? seen_at:datetime:unique",
}


def prepared(folder: Path) -> Path:
    installed(folder)
    (folder / "alembic/versions/0003_before.py").write_text(BEFORE)
    git_commit(folder)
    return folder


def write_model(folder: Path, declared: str) -> None:
    """One of COLUMNS, which may have a CHECK or a KEY behind it."""
    declared, _, check = declared.partition(" CHECK ")
    declared, _, key = declared.partition(" KEY ")
    text = MODEL.format(column=declared, check=check or "true", key=key)
    (folder / "app/models/items.py").write_text(text.replace("        ,\n", ""))
    run(folder, "uv", "run", "ruff", "format", "--quiet", "app/models")
    run(folder, "uv", "run", "ruff", "check", "--quiet", "--fix", "app/models")


def add(folder: Path, name: str) -> str:
    shutil.copy(BY_HAND / f"{name}.py", folder / "app/models")
    options, _ = WRITTEN[name]
    return resource(folder, name, *options.split())


def assert_passes(folder: Path, *names: str) -> None:
    """What was written for them is formatted, typed, tested and covered."""
    run(folder, "uv", "run", "ruff", "format", "--check")
    run(folder, "uv", "run", "ruff", "check")
    run(folder, "uv", "run", "mypy", "app/", "tests/", **TYPED)

    words = " or ".join([*names, *(ONES.get(name, name[:-1]) for name in names), MODELS])
    chosen = ("-k", f"{words} or up_down", "--cov", "--cov-fail-under=0")
    output = run(folder, "uv", "run", "pytest", "--quiet", "--tb=short", "--maxfail=9", *chosen)

    files = rf"^app/(?!models)\S+/(?:{'|'.join(names)})\.py.*$"
    assert not re.findall(files, output, re.MULTILINE)


def refusal(folder: Path, *arguments: str) -> str:
    """The sentence that the command ends with. It has written nothing."""
    before = new_files(folder)
    code, output = outcome(folder, "uv", "run", "poe", "-q", "resource", *arguments)

    assert code == 1
    assert "Traceback" not in output
    assert new_files(folder) == before
    return output


def assert_green_or_a_sentence(folder: Path, name: str, *arguments: str) -> None:
    """Either what is written passes, or nothing is."""
    code, _ = outcome(folder, "uv", "run", "poe", "-q", "resource", name, *arguments)
    try:
        if code == 0:
            assert_passes(folder, name)
        else:
            assert refusal(folder, name, *arguments)
    finally:
        run(folder, "git", "clean", "-fdq", "app", "tests", "alembic")


@pytest.fixture(scope="module")
def service(workspace: Path) -> Path:
    """For one model or line at a time, each of which is removed again."""
    return prepared(workspace / "by-hand")


@pytest.mark.parametrize("name", WRITTEN)
@pytest.mark.sample(2)
def test_resource_of_a_model_passes(name: str, workspace: Path) -> None:
    folder = prepared(workspace / f"of-{name}")
    told = add(folder, name)

    for column in WRITTEN[name][1].split():
        assert f"{column} is left out" in told
    assert_passes(folder, name)


@pytest.mark.parametrize("name", REFUSED)
@pytest.mark.sample(1)
def test_model_that_has_no_resource_is_refused(name: str, service: Path) -> None:
    model = service / f"app/models/{name}.py"
    shutil.copy(BY_HAND / model.name, model)
    told = refusal(service, name, "--public")
    model.unlink()

    assert REFUSED[name] in told


@pytest.mark.parametrize("column", COLUMNS)
@pytest.mark.sample(2)
def test_column_is_green_or_a_sentence(column: str, service: Path) -> None:
    write_model(service, COLUMNS[column])
    assert_green_or_a_sentence(service, "items", "--public")


@pytest.mark.sample(1)
def test_rows_of_a_factory_that_collide_are_said(service: Path) -> None:
    write_model(service, "tag: Mapped[bool]  KEY UniqueConstraint('tag')")
    told = resource(service, "items", "--public", "--pretend")
    run(service, "git", "clean", "-fdq", "app")

    assert "items_tag_key" in told
    assert "Let tests/factories/items.py make rows that fit" in told


@pytest.mark.parametrize("line", LINES)
@pytest.mark.sample(2)
def test_line_is_green_or_a_sentence(line: str, service: Path) -> None:
    assert_green_or_a_sentence(service, "items", *shlex.split(line))


@pytest.mark.sample(0)
def test_all_models_pass_in_one_service(workspace: Path) -> None:
    folder = prepared(workspace / "all-by-hand")
    for name in WRITTEN:
        add(folder, name)

    assert_passes(folder, *WRITTEN)


@pytest.mark.sample(0)
def test_twenty_resources_in_one_service(workspace: Path) -> None:
    folder = installed(workspace / "twenty")
    alone = seconds_of_tests(folder)

    for name, line in TWENTY.items():
        resource(folder, *name.split(), line)

    run(folder, "uv", "run", "poe", "check")
    run(folder, "uv", "run", "poe", "alembic", "upgrade", "head")
    run(folder, "uv", "run", "poe", "alembic", "downgrade", "base")
    assert seconds_of_tests(folder) < alone + 3 * len(TWENTY)


def seconds_of_tests(folder: Path) -> float:
    """The CPU time of all tests, without that of PostgreSQL."""
    before = os.times()
    run(folder, "uv", "run", "pytest", "--quiet")
    after = os.times()
    return sum(after[2:4]) - sum(before[2:4])
