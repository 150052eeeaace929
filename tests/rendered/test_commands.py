"""What the README tells an owner to type works, and leaves nothing running."""

import os
import re
import shutil
import signal
import subprocess
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.services import (
    SHORT,
    answers,
    edit,
    environment,
    files_of,
    free_port,
    git_commit,
    http,
    installed,
    outcome,
    render,
    run,
    wait_until,
)


@pytest.fixture(scope="module")
def service(workspace: Path) -> Path:
    """The default service, committed, and installed from its lock."""
    return installed(workspace / "one")


@pytest.fixture(scope="module", autouse=True)
def environment_of_its_own(workspace: Path) -> Iterator[None]:
    """In `.venv`, as its owner has it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("UV_PROJECT_ENVIRONMENT")
        yield


@pytest.fixture(autouse=True)
def nothing_is_left(workspace: Path) -> Iterator[None]:
    yield
    wait_until(lambda: nothing_runs_in(workspace), seconds=10)


def processes_in(folder: Path) -> list[str]:
    """The command lines of the processes that name the folder."""
    lines = subprocess.check_output(["ps", "-ewwo", "args"], text=True).splitlines()
    return [line for line in lines if str(folder) in line]


def nothing_runs_in(folder: Path) -> bool:
    return not processes_in(folder)


def log_of(folder: Path, *command: str) -> Path:
    return folder.with_suffix(f".{Path(command[-1]).name}.log")


@contextmanager
def started(folder: Path, *command: str, **variables: str) -> Iterator[subprocess.Popen[bytes]]:
    """A command in a process group of its own, as a shell starts it; killed if still there."""
    with log_of(folder, *command).open("wb") as log:
        process = subprocess.Popen(
            command,
            cwd=folder,
            env=environment(**variables),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
        try:
            yield process
        finally:
            if process.poll() is None:
                process.kill()
            process.wait()


def ctrl_c(process: subprocess.Popen[bytes]) -> None:
    os.killpg(process.pid, signal.SIGINT)
    process.wait(timeout=30)


@contextmanager
def dev(folder: Path) -> Iterator[tuple[subprocess.Popen[bytes], str]]:
    """`uv run poe dev`, once it is ready."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    command = ("uv", "run", "poe", "dev", "--port", str(port))
    with started(folder, *command) as process:
        wait_until(lambda: process.poll() is not None or answers(f"{url}/health/ready"))
        assert process.poll() is None, log_of(folder, *command).read_text()
        yield process, url


@contextmanager
def database(folder: Path, **variables: str) -> Iterator[subprocess.Popen[bytes]]:
    """`uv run poe db`, once it is ready."""
    command = ("uv", "run", "poe", "db")
    with started(folder, *command, **variables) as process:
        ready = "PostgreSQL runs until Ctrl-C"
        wait_until(lambda: ready in log_of(folder, *command).read_text())
        yield process


def test_dev_serves_the_whole_tour_and_ctrl_c_ends_all_of_it(service: Path) -> None:
    account = {"email": "me@example.com", "name": "Me", "password": "correct horse battery"}

    with dev(service) as (process, url):
        registered = http.post(f"{url}/auth/register", json=account)
        form = {"username": account["email"], "password": account["password"]}
        token = http.post(f"{url}/auth/token", data=form).json()["access_token"]
        headers = {"Authorization": f"Bearer {token}"}
        draft = {"title": "Hello", "body": "World"}
        created = http.post(f"{url}/posts", json=draft, headers=headers)
        listed = http.get(f"{url}/posts").json()["items"]
        docs = http.get(f"{url}/docs")
        ctrl_c(process)

        assert (registered.status_code, created.status_code, docs.status_code) == (201, 201, 200)
        assert listed == [created.json()]
        assert process.returncode in {0, 128 + signal.SIGINT}  # `uv run` gives one or the other
        assert "Traceback" not in log_of(service, url.rpartition(":")[2]).read_text()
        wait_until(lambda: nothing_runs_in(service), seconds=5)

    assert run(service, "git", "status", "--porcelain") == ""


@pytest.mark.parametrize("victim", ["uv run poe dev", "devtools dev"])
def test_dev_killed_leaves_nothing_and_starts_again(service: Path, victim: str) -> None:
    with dev(service) as (process, _):
        found = subprocess.check_output(["pgrep", "-g", str(process.pid), "-f", victim], text=True)
        os.kill(int(found.split()[0]), signal.SIGKILL)

        wait_until(lambda: nothing_runs_in(service), seconds=10)

    with dev(service) as (process, url):
        assert answers(f"{url}/health/ready")


def test_a_killed_test_run_leaves_no_postgres(service: Path) -> None:
    with started(service, f"{service}/.venv/bin/pytest", "-q") as process:
        wait_until(lambda: any("postgres -D" in line for line in processes_in(service)))
        process.kill()

        wait_until(lambda: nothing_runs_in(service), seconds=10)


def test_who_comes_second_uses_the_same_database(service: Path) -> None:
    with dev(service) as (_, url):
        with database(service) as second:
            servers = [line for line in processes_in(service) if re.search(r"postgres -D", line)]
            assert len([line for line in servers if "leash" not in line]) == 1
            ctrl_c(second)
        assert answers(f"{url}/health/ready")


def test_two_services_side_by_side_do_not_meet(service: Path, workspace: Path) -> None:
    other = installed(workspace / "two")

    with dev(service) as (_, one), dev(other) as (_, two):
        account = {"email": "two@example.com", "name": "Two", "password": "correct horse battery"}
        assert http.post(f"{two}/auth/register", json=account).status_code == 201
        form = {"username": account["email"], "password": account["password"]}
        assert http.post(f"{two}/auth/token", data=form).status_code == 200
        assert http.post(f"{one}/auth/token", data=form).status_code == 401


def test_the_commands_of_the_specification_work_as_typed(service: Path, workspace: Path) -> None:
    folder = installed(workspace / "typed")
    shutil.rmtree(folder / ".venv")
    run(folder, "uv", "venv", "--quiet")
    venv = {"VIRTUAL_ENV": str(folder / ".venv")}
    venv["PATH"] = f"{folder}/.venv/bin:{os.environ['PATH']}"
    run(folder, "uv", "pip", "install", "--quiet", "-r", "requirements.txt", **venv)

    failed = subprocess.run(
        ["alembic", "upgrade", "head"],
        cwd=folder,
        env=environment(**venv),
        capture_output=True,
        text=True,
    )
    assert failed.returncode != 0
    assert "Start one with `poe db`" in failed.stdout + failed.stderr

    with database(folder):
        run(folder, "alembic", "upgrade", "head", **venv)
        model = folder / "app/models/posts.py"
        edit(model, "    author_id: Mapped", "    x: Mapped[int | None]\n    author_id: Mapped")
        run(folder, "alembic", "revision", "--autogenerate", "-m", "add x", **venv)
        run(folder, "alembic", "upgrade", "head", **venv)
        run(folder, "alembic", "downgrade", "-1", **venv)
        run(folder, "ruff", "check", **venv)
        assert "left unchanged" in run(folder, "ruff", "format", **venv)
        run(folder, "mypy", "app/", **venv)
        run(folder, "pytest", **venv)
        run(folder, "uv", "run", "poe", "check", **SHORT)


WITHOUT_UV = """\
poe migrate
poe revision "nothing"
poe alembic heads
poe seed
echo "correct horse battery" | poe create-admin me@example.com
poe psql --command "SELECT 1"
poe routes
poe openapi
poe check
poe resource notes 'word:str(20)' --pretend
"""


def test_every_command_but_update_works_without_uv(workspace: Path) -> None:
    """In an environment that pip made, say. `update` has tests of its own."""
    service = installed(workspace / "without-uv")
    elsewhere = [d for d in os.environ["PATH"].split(":") if not Path(d, "uv").exists()]
    path = ":".join([f"{service}/.venv/bin", *elsewhere])

    few = SHORT["PYTEST_ADDOPTS"].partition("tests/")[0] + "tests/contract/test_pagination.py"
    for command in WITHOUT_UV.splitlines():
        run(service, "bash", "-c", command, PATH=path, PYTEST_ADDOPTS=few)
    with started(service, "env", f"PATH={path}", "poe", "db") as process:
        log = log_of(service, "db")
        wait_until(lambda: "PostgreSQL runs until Ctrl-C" in log.read_text())
        ctrl_c(process)
    code, output = outcome(service, "poe", "update", PATH=path)

    assert code == 1
    assert "`poe update` needs uv" in output
    tasks = tomllib.loads((service / "pyproject.toml").read_text())["tool"]["poe"]["tasks"]
    tried = set(re.findall(r"poe ([\w-]+)", WITHOUT_UV))
    assert tasks.keys() == tried | {"dev", "db", "update"}


TWICE = """
import asyncio
from sqlalchemy import text
from app.db.session import SessionLocal

async def main():
    async with SessionLocal() as db, db.begin():
        await db.execute(text("CREATE TEMPORARY TABLE t (email text UNIQUE)"))
        insert = text("INSERT INTO t VALUES (CAST(:email AS text)), (CAST(:email AS text))")
        await db.execute(insert, {"email": "taken@example.com"})

asyncio.run(main())
"""


def test_the_log_of_the_database_holds_no_address(service: Path) -> None:
    """Not even that of a row which the database refuses."""
    command = ["uv", "run", "python", "devtools", "run", "python", "-c", TWICE]
    code, output = outcome(service, *command)
    log = (service / ".postgres/server.log").read_text()

    assert code == 1
    assert "(taken@example.com) already exists" in output
    assert "duplicate key" in log
    assert "taken@example.com" not in log


def test_the_readme_removes_the_example(released: Path, workspace: Path, tmp_path: Path) -> None:
    service = workspace / "without"
    run(workspace, "copier", "copy", "--defaults", "--quiet", str(released), str(service))
    git_commit(service)
    run(service, "uv", "run", "--locked", "poe", "migrate")
    section = (service / "README.md").read_text().partition("## Remove the example")[2]
    commands = section.partition("```sh\n")[2].partition("```")[0]

    for command in commands.splitlines():
        run(service, "bash", "-c", command)

    assert run(service, "git", "status", "--porcelain") == ""
    without = render(tmp_path / "without", posts=False)
    left = set(run(service, "git", "ls-files").splitlines())
    assert left == {str(path.relative_to(without)) for path in files_of(without)}
    for name in left - {".copier-answers.yml"}:
        assert (service / name).read_text() == (without / name).read_text(), name


@pytest.mark.parametrize(
    ("file", "left"),
    [("AGENTS.md", "<<<<<<< before updating\nmine\n=======\n"), ("AGENTS.md.rej", "@@ -1 +1 @@\n")],
)
def test_the_hooks_refuse_what_a_conflict_leaves(file: str, left: str, service: Path) -> None:
    """Without a network, too."""
    nowhere = {"UV_OFFLINE": "1", "HTTPS_PROXY": "http://127.0.0.1:1"}
    hooks = ("uv", "run", "prek", "run", "--all-files")
    run(service, *hooks, **nowhere)
    with (service / file).open("a") as conflict:
        conflict.write(left)
    run(service, "git", "add", file)

    with pytest.raises(AssertionError, match=file):
        run(service, *hooks, **nowhere)

    run(service, "git", "reset", "--quiet", "--hard")


def test_the_first_commit_of_a_new_worktree_is_checked(workspace: Path) -> None:
    """Without a network, too: what its hooks need is in uv's cache."""
    service, worktree = installed(workspace / "main"), workspace / "worktree"
    run(service, "uv", "run", "prek", "install")
    run(service, "git", "worktree", "add", str(worktree))
    (worktree / "app/new.py").write_text('"""New."""\n')
    run(worktree, "git", "add", "app/new.py")

    run(worktree, "git", "commit", "--message", "New", UV_OFFLINE="1")


def test_a_folder_that_postgres_may_not_enter_is_no_obstacle(tmp_path: Path) -> None:
    """pytest's folders are closed to other users, so to `nobody`, as whom root runs PostgreSQL."""
    folder = installed(tmp_path / "closed")

    output = run(folder, "uv", "run", "poe", "migrate")

    elsewhere = re.search(r"its data is in (\S+)", output)
    home = Path(elsewhere[1]) if elsewhere else folder / ".postgres"
    assert (elsewhere is not None) == (os.geteuid() == 0)
    assert (home / "data/PG_VERSION").exists()
    wait_until(lambda: nothing_runs_in(home))
    shutil.rmtree(home)
