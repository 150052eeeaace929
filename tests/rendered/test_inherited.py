"""Mistakes that an owner could make in a new resource, and the test that notices each.

The resources are those of the recipes "Private and nested records" and "JSONB and arrays". The
tests were not written for them: every service has them, and they read its routes.
"""

from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

from tests.mistakes import Mutant, append, both, swap
from tests.recipes import apply
from tests.services import git_commit, installed, outcome, run

PROJECTS = "app/repos/projects.py"
TASKS = "app/repos/tasks.py"
ROUTES = "app/api/routes/projects.py"
SCHEMAS = "app/schemas/projects.py"
SERVICE = "app/services/projects.py"
TASK_SERVICE = "app/services/tasks.py"
DEVICES = "app/schemas/devices.py"
ACCESS = "test_authorisation.py"
HOSTILE = "test_hostile_input.py::test_hostile_input_is_refused_or_harmless"

ANY_TASK = "await db.get_one(Task, task_id)"
OPEN_ROUTE = '''

@router.post("/projects/all/archive", status_code=204, response_model=None)
async def archive_projects(db: DbSession) -> None:
    """Archive what is old."""
'''
OPEN_MODEL = """ProjectCreate(BaseModel):
    model_config = ConfigDict(extra="allow")
"""
WRITING_READ = """    project.name = project.name.upper()
    return project


async def create("""

MISTAKES = [
    Mutant(
        "anybody reads it",
        swap(
            PROJECTS,
            "Project.id == project_id, Project.owner_id == owner.id",
            "Project.id == project_id",
        ),
        f"{ACCESS}::test_access[read_project-other]",
    ),
    Mutant(
        "anybody deletes it",
        swap(
            SERVICE, "await read(db, project_id, user))", "await db.get_one(Project, project_id))"
        ),
        f"{ACCESS}::test_access[delete_project-other]",
    ),
    Mutant(
        "anybody changes its child",
        swap(TASK_SERVICE, "await read(db, project_id, task_id, editor)", ANY_TASK),
        f"{ACCESS}::test_access[update_task-other]",
    ),
    Mutant(
        "the list is of everybody",
        swap(PROJECTS, "select(Project).where(Project.owner_id == owner.id)", "select(Project)"),
        f"{ACCESS}::test_hidden_record_is_not_listed",
    ),
    Mutant(
        "the list of children is of every parent",
        swap(TASKS, "select(Task).where(Task.project_id == project.id)", "select(Task)"),
        f"{ACCESS}::test_hidden_record_is_not_listed",
    ),
    Mutant(
        "a child is found under any parent",
        swap(TASKS, "Task.id == task_id, Task.project_id == project.id", "Task.id == task_id"),
        f"{ACCESS}::test_child_of_another_parent_is_not_found",
    ),
    Mutant(
        "nobody has to sign in to write",
        append(ROUTES, OPEN_ROUTE),
        f"{ACCESS}::test_write_without_sign_in_is_public",
    ),
    Mutant(
        "a text is unbounded",
        swap(SCHEMAS, "max_length=100, ", ""),
        "test_openapi.py::test_every_input_is_bounded",
    ),
    Mutant(
        "an id is unbounded",
        swap(ROUTES, "read_project(project_id: Id", "read_project(project_id: int"),
        f"{HOSTILE}[read_project]",
    ),
    Mutant(
        "a text may hold NUL",
        swap(SCHEMAS, ", pattern=NO_NUL", ""),
        f"{HOSTILE}[create_project]",
    ),
    Mutant(
        "null is taken for left out",
        swap("app/schemas/tasks.py", "done: bool = LEFT_OUT", "done: bool | None = LEFT_OUT"),
        f"{HOSTILE}[update_task]",
    ),
    Mutant(
        "a caller sets what is the server's",
        swap(SCHEMAS, "ProjectCreate(Input):", OPEN_MODEL),
        f"{HOSTILE}[create_project]",
    ),
    Mutant(
        "an error repeats what was sent",
        swap(SERVICE, '"There is no such project."', 'f"There is no project {project_id}."'),
        f"{HOSTILE}[read_project]",
    ),
    Mutant(
        "a read writes",
        swap(SERVICE, "    return project\n\n\nasync def create(", WRITING_READ),
        f"{HOSTILE}[read_project]",
    ),
    Mutant(
        "a status is not in the document",
        both(
            swap(SERVICE, "raise NotFound(", "raise Hidden("),
            append(SERVICE, "\n\nclass Hidden(NotFound):\n    status = 418\n"),
        ),
        f"{HOSTILE}[read_project]",
    ),
]


@pytest.fixture(scope="module")
def service(workspace: Path) -> Path:
    folder = installed(workspace / "inherited")
    apply("private-and-nested", folder)
    apply("jsonb-and-arrays", folder)
    git_commit(folder, "Add projects, tasks and devices")
    return folder


@pytest.fixture
def changed(service: Path) -> Iterator[Path]:
    yield service
    run(service, "git", "reset", "--hard", "--quiet")


def outcome_of(killers: Iterable[str], service: Path) -> tuple[int, str]:
    options = ("-q", "-p", "no:cacheprovider", "--show-capture=no")
    tests = [f"tests/contract/{killer}" for killer in killers]
    return outcome(service, "uv", "run", "--no-sync", "pytest", *options, *tests)


def test_a_resource_without_a_mistake_passes(service: Path) -> None:
    killers = {mutant.killer for mutant in MISTAKES} | {f"{HOSTILE}[create_device]"}

    code, output = outcome_of(killers, service)

    assert code == 0, output
    assert "skipped" not in output, output


@pytest.mark.sample(5)
@pytest.mark.parametrize("mutant", MISTAKES, ids=lambda mutant: mutant.mistake)
def test_a_mistake_in_a_new_resource_is_noticed(mutant: Mutant, changed: Path) -> None:
    mutant.edit(changed)

    code, output = outcome_of([mutant.killer], changed)

    assert code == 1, output
    assert f"FAILED tests/contract/{mutant.killer}" in output, output


@pytest.mark.parametrize("free", ["dict[str, Any]", "dict[str, Json]", "dict[Tag, JsonValue]"])
def test_free_json_that_cannot_be_stored_is_noticed(free: str, changed: Path) -> None:
    """Anything; what only its keys may hold; what only its values may hold."""
    swap(DEVICES, "import NO_NUL, Input, JsonObject", "import NO_NUL, Input, Json")(changed)
    swap(DEVICES, "import Annotated", "import Annotated, Any")(changed)
    swap(DEVICES, ": JsonObject", f": Annotated[{free}, Field(max_length=9)]")(changed)

    code, output = outcome_of([f"{HOSTILE}[create_device]"], changed)

    assert code == 1, output
    assert "in free JSON (`Json` and `JsonObject` of app/schemas/base.py refuse" in output
