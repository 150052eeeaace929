"""`poe resource` in a service: what it writes passes, and what it refuses leaves nothing."""

import ast
import random
import re
from pathlib import Path

import pytest

from tests.pages import new_files as files_shown
from tests.services import ROOT, git_commit, installed, outcome, render, run

# The tests that compare models with migrations.
MODELS = "migrations_agree or as_the_models_say or one_head"
TYPED = {"MYPYPATH": "scaffold:devtools"}
# The line of the README, and all types with all options.
LINES = {
    "invoices": "number:str(40):unique amount:decimal(12,2) due_on:date note:text?",
    "parcels": "code:str(5)? size:int:unique weight:bigint? ratio:float price:decimal(10,3):unique"
    " paid:bool? sent_on:date:index arrives:datetime:unique opens:time:unique label:uuid:unique"
    " data:json extra:json? tags:list(str) words:list(str(30))? state:enum(draft,sent)"
    " kind:enum(a,b)? approver:ref(users)? reviewer:ref(users) invoice:ref(invoices)"
    " other_invoice:ref(invoices)? parent:ref(parcels)?",
}
LISTS = {"parcels": "--filter state --filter invoice_id --filter sent_on --sort price --sort opens"}
ROOM = """\
from decimal import Decimal
from enum import StrEnum

from sqlalchemy import CheckConstraint, Computed, ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.db.base import Record
from app.models.users import User


class Floor(StrEnum):
    GROUND = "ground"
    FIRST = "first"


class Room(Record):
    __tablename__ = "rooms"
    __table_args__ = (
        CheckConstraint("floor IN ('ground', 'first')", name="floor"),
        CheckConstraint("seats > 0", name="seats"),
        Index(None, "created_at", "id"),
    )

    name: Mapped[str] = mapped_column(String(50), info={"example": "Blue", "pattern": "^[A-Z]"})
    floor: Mapped[str] = mapped_column(String(10), default=Floor.GROUND)
    seats: Mapped[int] = mapped_column(server_default="4", info={"ge": 1, "le": 500})
    notes: Mapped[str | None]
    price: Mapped[Decimal | None]
    shout: Mapped[str] = mapped_column(Computed("upper(name)"))
    keeper_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)

    keeper: Mapped[User] = relationship(lazy="raise")
"""


@pytest.fixture(scope="module")
def service(workspace: Path) -> Path:
    """With resources from lines of fields, and one from a model written by hand."""
    folder = installed(workspace / "resources")
    for name, line in LINES.items():
        resource(folder, name, line, *LISTS.get(name, "").split())
    (folder / "app/models/rooms.py").write_text(ROOM)
    told = resource(folder, "rooms")
    assert "notes is left out" in told
    assert "price is left out" in told
    return folder


def resource(folder: Path, *arguments: str) -> str:
    return run(folder, "uv", "run", "poe", "resource", *arguments)


def new_files(folder: Path) -> dict[str, str]:
    """What git says of each path that is not as it was committed."""
    lines = run(folder, "git", "status", "--porcelain", "--untracked-files=all").splitlines()
    return {line[3:]: line[:2] for line in lines}


def test_only_new_files_are_written(service: Path) -> None:
    files = new_files(service)

    assert set(files.values()) == {"??"}
    assert len([path for path in files if "invoices" in path]) == 9
    assert set(files) - {path for path in files if re.search("invoice|parcel|room", path)} == {
        "app/sorting.py"
    }
    assert len(files) == 9 * 3 + 1


def test_what_is_written_passes(service: Path) -> None:
    run(service, "uv", "run", "ruff", "format", "--check")
    run(service, "uv", "run", "ruff", "check")
    run(service, "uv", "run", "mypy", "app/", "tests/", "scaffold/", **TYPED)

    chosen = (
        "-k",
        f"parcel or ((invoice or room) and not hostile) or {MODELS}",
        "--cov",
        "--cov-fail-under=0",
    )
    output = run(service, "uv", "run", "pytest", *chosen)

    uncovered = re.findall(
        r"^app/(?:\S+/(?:invoices|parcels|rooms)|sorting)\.py.*$", output, re.MULTILINE
    )
    assert not uncovered
    assert "SKIPPED" not in output


def test_page_shows_what_is_written(service: Path) -> None:
    shown = files_shown(ROOT / "docs/resources.md")

    assert len(shown) == 8
    for path, text in shown.items():
        assert (service / path).read_text() == text, path


def test_bounds_reach_the_document(service: Path) -> None:
    document = run(service, "uv", "run", "poe", "-q", "openapi")

    for bound in ('"maxLength": 40', '"exclusiveMaximum": 10000000000', '"maximum": 500'):
        assert bound in document or bound.replace(" ", "") in document


def test_example_is_what_the_command_writes(workspace: Path) -> None:
    """The template has one truth of a resource: the example is what the command writes."""
    example = render(workspace / "example")
    service = render(workspace / "without-posts", posts=False)
    git_commit(service)

    resource_with_sync = ("uv", "run", "--locked", "poe", "resource", "posts")
    run(service, *resource_with_sync, "title:str(200) body:text", "--owner", "author")

    for path in new_files(service):
        if not path.startswith("alembic/"):
            assert code(service / path) == code(example / path), path


def code(path: Path) -> str:
    """Without docstrings: they say more of an example."""
    tree = ast.parse(text := path.read_text())
    lines = text.splitlines()
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        if isinstance(body, list) and body and isinstance(body[0], ast.Expr):
            docstring = body[0].value
            if isinstance(docstring, ast.Constant) and docstring.end_lineno:
                for number in range(docstring.lineno, docstring.end_lineno + 1):
                    lines[number - 1] = ""
    return "\n".join(line for line in lines if line)


REFUSED = {
    "invoices number:str": "invoices.py exists already",
    "invoices": "app/schemas/invoices.py exists already",
    "boats": "There is no app/models/boats.py",
    "boats name": "name is no field",
    "boats name:string": "there is no type string",
    "boats price:decimal": "decimal is written otherwise",
    "boats name:str(9):uniq": "there is no uniq",
    "boats done:bool:unique": "a bool cannot be unique",
    "boats name:str name:text": "name is there twice",
    "boats owner:str": "owner is there twice",
    "boats class:str": "class is a word of",
    "boats metadata:json": "metadata is a word of",
    "boats order:int": "order is a word of",
    "boats Name:str": "Name is no name",
    "boats captain:ref(captains)": "there is no table captains",
    "boats name:str --filter colour": "--filter colour: there is no such field",
    "boats name:str? --sort name": "--sort name: there is no such number",
    "boats name:str(601):unique": "may be too long for an index",
    "boats price:decimal(2,5)": "more places than digits",
    "boats cursor:int --filter cursor": "--filter cursor: there is no such field",
    "boats sorting:int size:int --sort size --filter sorting": "there is no such field",
    "boats note:text --filter note": "--filter note: write it by hand",
    "boats parent:ref(boats)?:unique": "to its own table cannot be unique",
    "boats size:int(1)": "Bounds: see info",
    "boats name:str --under projects": "There is no resource projects",
    "boats name:str --under invoices --admin": "has the access of its parent",
    "boats name:str --under invoices --owner captain": "has the access of its parent",
    "boats name:str --admin --owner captain": "with --admin, a row has no owner",
    "boats kind:enum(sail,motor,sail)": "the same value twice",
    "boats parent:ref(boats)": "the first boat can refer to none",
    "news title:str": "--singular",
    "lists name:str": "list is a word of",
    "clients name:str": "client has another meaning",
    "pages name:str": "page has another meaning",
    "conflicts name:str": "conflict has another meaning",
    "services name:str": "service has another meaning",
    "docs name:str": "doc has another meaning",
    "boats parent:ref(boats)? --filter parent_id": "--filter parent_id: write it by hand",
}


@pytest.mark.parametrize("line", REFUSED)
@pytest.mark.sample(3)
def test_refusal_is_a_sentence_and_writes_nothing(line: str, service: Path) -> None:
    before = new_files(service)

    code, output = outcome(service, "uv", "run", "poe", "-q", "resource", *line.split())

    assert code == 1
    assert REFUSED[line] in output
    assert "Traceback" not in output
    assert new_files(service) == before


def test_who_may_change_a_parent_may_change_what_is_nested(service: Path) -> None:
    """Privilege escalation: members read an organisation, and only owners change it."""
    resource(service, "clubs", "name:str", "--private")
    rules = service / "app/services/clubs.py"
    text = rules.read_text().replace(
        "await read(db, club_id, editor)", "await manage(db, club_id, editor)"
    )
    rules.write_text(f"{text}\n\nmanage = read\n")

    output = resource(service, "notices", "body:text", "--under", "clubs", "--pretend")
    run(service, "bash", "-c", "rm $(git ls-files --others --exclude-standard '*club*')")

    assert output.count("club_service.manage(db, club_id, editor)") == 3
    assert output.count("club_service.read(db, club_id, reader)") == 2
    assert output.count("club_service.manage decides who may write.") == 1


def test_a_rule_of_the_parents_own_is_not_guessed(service: Path) -> None:
    """Privilege escalation: what is nested would have the rule that the parent had before."""
    rules = service / "app/services/invoices.py"
    text = rules.read_text()
    mine = (
        '    if invoice.number == "sold":\n        raise Forbidden("Sold.")\n    return invoice\n'
    )
    start, _, end = text.rpartition("    return invoice\n")
    owned, updated = (
        "await _owned(db, invoice_id, editor)\n    for",
        "await _mine(db, invoice_id, editor)\n    for",
    )
    changes = (
        text.replace("_id != user.id:", "_id != user.id and user.disabled:"),
        start + mine + end,
        text.replace(owned, updated).replace(
            "async def _owned", "_mine = read\n\n\nasync def _owned"
        ),
    )
    command = ("uv", "run", "poe", "resource", "parts", "name:str", "--under", "invoices")
    for changed in changes:
        assert changed != text
        rules.write_text(changed)
        code, output = outcome(service, *command)
        assert code == 1
        assert "app/services/invoices.py has rules of its own" in output
    rules.write_text(text)


def test_a_reference_to_what_has_no_resource_is_refused(service: Path) -> None:
    factory = service / "tests/factories/invoices.py"
    aside = factory.rename(factory.with_suffix(".aside"))
    command = ("uv", "run", "poe", "resource", "boats", "invoice:ref(invoices)")
    code, output = outcome(service, *command)
    aside.rename(factory)

    assert code == 1
    assert "There is no tests/factories/invoices.py: first write its resource." in output


def test_owner_of_a_parent_that_refers_to_other_users_is_found(service: Path) -> None:
    output = resource(service, "scans", "note:text", "--under", "parcels", "--pretend")

    assert "if parcel.owner_id != user.id:" in output


def test_pattern_that_cannot_be_rendered_is_a_sentence(service: Path) -> None:
    pattern = service / "scaffold/repos.py.j2"
    text = pattern.read_text()
    pattern.write_text(f"<<<<<<< yours\n{text}")
    code, output = outcome(service, "uv", "run", "poe", "-q", "resource", "boats", "name:str")
    pattern.write_text(text)

    assert code == 1
    assert "scaffold/repos.py.j2 cannot be rendered" in output
    assert "Traceback" not in output


def test_model_that_cannot_be_imported_is_a_sentence(service: Path) -> None:
    broken = service / "app/models/boats.py"
    broken.write_text("import nothing_of_this_name\n")
    code, output = outcome(service, "uv", "run", "poe", "-q", "resource", "boats")
    broken.unlink()

    assert code == 1
    assert "nothing_of_this_name" in output
    assert "Traceback" not in output


def test_models_that_differ_already_are_refused(service: Path) -> None:
    """Else the migration of one table would change others, too."""
    user = service / "app/models/users.py"
    text = user.read_text()
    user.write_text(text.replace("    name: Mapped[str]\n", "    name: Mapped[str | None]\n"))
    command = ("uv", "run", "poe", "-q", "resource", "boats", "name:str")
    code, output = outcome(service, *command)
    user.write_text(text)

    assert code == 1
    assert "differ already, in users" in output
    assert not list(service.rglob("boats.py"))


def test_pretend_shows_and_writes_nothing(service: Path) -> None:
    before = new_files(service)

    output = resource(service, "leaves", "name:str", "--singular", "leaf", "--pretend")

    assert "class Leaf(Record):" in output
    assert "op.create_table(" in output
    assert new_files(service) == before


def test_two_at_once_follow_each_other(workspace: Path) -> None:
    """Else each would write a migration after the same one."""
    folder = installed(workspace / "two-at-once")
    add = "uv run --no-sync poe -q resource"

    run(folder, "bash", "-c", f"{add} boats name:str & {add} ships name:str; wait $!")

    assert run(folder, "uv", "run", "poe", "-q", "alembic", "heads").count("(head)") == 1
    assert run(folder, "uv", "run", "poe", "-q", "alembic", "history").count("add ") == 2


def test_removing_is_deleting_files_and_one_revision(service: Path) -> None:
    git_commit(service)

    run(service, "bash", "-c", "rm $(git ls-files '*parcels*' ':!alembic')")
    run(service, "uv", "run", "poe", "revision", "remove parcels")
    run(service, "uv", "run", "poe", "migrate")

    checked = run(service, "uv", "run", "poe", "alembic", "check")
    assert "No new upgrade operations detected." in checked
    (migration,) = (service / "alembic/versions").glob("*remove_parcels.py")
    assert 'op.drop_table("parcels")' in migration.read_text()


ACCESS = ["--owned", "--private", "--admin", "--public"]
TYPES = ["str", "str(1)", "str(300):unique", "text", "int", "int:unique", "bigint:index", "float"]
TYPES += ["decimal(12,2)", "decimal(5,5)", "bool", "date:unique", "datetime", "time", "uuid"]
TYPES += ["json", "list(str(9))", "enum(one,two)", "ref(users)"]


def random_sorts(chooser: random.Random, line: str) -> list[str]:
    sortable = re.findall(
        r"(field\d):(?:int|bigint|float|decimal|date|time)\b\S*(?<!\?)(?:\s|$)", line
    )
    return ["--sort", chooser.choice(sortable)] if sortable else []


def random_line(chooser: random.Random) -> str:
    kinds = chooser.sample(TYPES, chooser.randint(1, 7))
    fields = [f"field{n}:{kind}{chooser.choice(['', '?'])}" for n, kind in enumerate(kinds)]
    return " ".join(fields)


@pytest.mark.parametrize("seed", range(40))
@pytest.mark.sample(1)
def test_random_resource_passes(seed: int, workspace: Path) -> None:
    """One of any access, and one that is nested in it or refers to it."""
    chooser = random.Random(seed)
    service = installed(workspace / f"random-{seed}")
    access = chooser.choice(ACCESS)
    line = random_line(chooser)
    sorts = random_sorts(chooser, line)
    resource(service, "shelves", line, access, "--singular", "shelf", *sorts)
    if chooser.choice([True, False]):
        resource(service, "boxes", random_line(chooser), "--under", "shelves")
    else:
        own = "--private" if access == "--private" else chooser.choice(ACCESS)
        resource(service, "boxes", f"{random_line(chooser)} shelf:ref(shelves)", own)

    run(service, "uv", "run", "ruff", "format", "--check")
    run(service, "uv", "run", "ruff", "check")
    run(service, "uv", "run", "mypy", "app/", "tests/")
    chosen = ("-k", f"shelf or shelves or box or {MODELS}", "--cov", "--cov-fail-under=0")
    output = run(service, "uv", "run", "pytest", *chosen)

    assert not re.findall(r"^app/\S+/(?:boxes|shelves)\.py.*$", output, re.MULTILINE)
    assert "SKIPPED" not in output
