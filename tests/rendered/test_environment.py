"""What a shell has set for other work breaks no command of a service, or the command says so."""

import json
import re
import shutil
from pathlib import Path

import pytest

from tests.rendered.test_commands import database, processes_in
from tests.services import installed, outcome, render, run, running, wait_until

# For somebody else's server: asyncpg, libpq or PostgreSQL itself reads each.
OTHER_SERVER = {
    "PGCLIENTENCODING": "LATIN1",
    "PGDATABASE": "none",
    "PGDATESTYLE": "German",
    "PGGSSLIB": "none",
    "PGHOST": "db.invalid",
    "PGHOSTADDR": "192.0.2.1",
    "PGOPTIONS": "-c none=on",
    "PGPORT": "6000",
    "PGSERVICE": "none",
    "PGSSLMODE": "verify-full",
    "PGSSLNEGOTIATION": "direct",
    "PGTARGETSESSIONATTRS": "standby",
    "PGUSER": "none",
}
PROXY = {"HTTP_PROXY": "http://127.0.0.1:1", "http_proxy": "http://127.0.0.1:1"}
OTHER_SETTINGS = {
    "CORS_ORIGINS": "http://localhost:3000",
    "DATABASE_PGBOUNCER": "true",
    "DOCS_ENABLED": "false",
    "LOG_LEVEL": "error",
    "MAX_BODY_BYTES": "100",
    "REQUEST_TIMEOUT": "0.001",
    "ROOT_PATH": "/api",
    "SHUTDOWN_DELAY": "60",
    "TITLE": "A window",
}
THROW_AWAY = """
import sys
sys.path.insert(0, "devtools")
import postgres
del postgres.THROW_AWAY[0]  # where there is no room in memory
{}
print(postgres.serve_throw_away())
"""


@pytest.fixture(scope="module")
def service(workspace: Path) -> Path:
    folder = installed(workspace / "shells")
    run(folder, "uv", "run", "poe", "migrate")  # writes `.env`
    return folder


def url_of(service: Path) -> str:
    found = re.search("^DATABASE_URL=(.+)$", (service / ".env").read_text(), re.MULTILINE)
    assert found
    return found[1]


def test_our_own_server_is_not_mistaken_for_another(service: Path) -> None:
    run(service, "uv", "run", "poe", "migrate", **OTHER_SERVER)
    asked = ("uv", "run", "poe", "psql", "--tuples-only", "--command", "SELECT current_user")
    assert "postgres" in run(service, *asked, **OTHER_SERVER)

    with database(service):
        run(service, "uv", "run", "alembic", "check", PGSSLMODE="require")


def test_the_tests_of_a_service_are_their_own(service: Path, workspace: Path) -> None:
    """All that has failed where a shell had set one of these, or a home folder has these files."""
    home = workspace / "home"
    (home / ".postgresql").mkdir(parents=True)
    (home / ".postgresql/postgresql.crt").write_text("none")
    (home / ".pgpass").touch(0o644)
    others = OTHER_SERVER | OTHER_SETTINGS | PROXY | {"HOME": str(home)}
    others["UV_CACHE_DIR"] = run(service, "uv", "cache", "dir").strip()
    files = ["unit", *(f"contract/test_{name}.py" for name in ("headers", "problems"))]

    run(service, "uv", "run", "pytest", *(f"tests/{file}" for file in files), **others)


def test_the_own_database_is_started_wherever_its_url_was_read(service: Path) -> None:
    """By uv, a shell or an editor, from `.env`."""
    exported = {"DATABASE_URL": url_of(service)}

    with database(service, **exported):
        run(service, "uv", "run", "poe", "migrate", **exported)


def test_a_server_that_answers_there_is_used(service: Path, workspace: Path) -> None:
    """As those of CI and of compose.yaml may, it has no password."""
    other = render(workspace / "shells-too")
    there = {"DATABASE_URL": url_of(service)}

    with database(service):
        run(other, "uv", "run", "poe", "migrate", **there)
        code, said = outcome(other, "uv", "run", "poe", "db", **there)

    assert code == 1
    assert "Another server answers at DATABASE_URL" in said
    assert "Nothing to start: postgresql://postgres@127.0.0.1" in said
    assert not (other / ".postgres/data").exists()


COMMANDS = [
    "poe dev",
    "poe db",
    "poe migrate",
    "poe revision x",
    "poe seed",
    "poe create-admin me@example.com",
    "poe psql --command SELECT",
    "poe routes",
    "poe openapi",
    "alembic upgrade head",
    "python -m app.commands.create_admin me@example.com",
    "uvicorn app.main:app --uds /none/socket",  # ends, whatever happens
]


def lines_of(said: str, *variables: str) -> list[str]:
    """What a command says about these variables, and no more than that."""
    assert "Traceback" not in said
    return [line for line in said.splitlines() if line.startswith(variables)]


@pytest.mark.parametrize("command", [*COMMANDS, "pytest"])
def test_a_bad_setting_is_a_line_that_names_its_variable(command: str, service: Path) -> None:
    bad = {"ACCESS_TOKEN_MINUTES": "hunter2", "LOG_LEVEL": "hunter2"}

    code, said = outcome(service, "uv", "run", "--no-sync", *command.split(), **bad)

    assert code == 1
    minutes, *others = lines_of(said, *bad)
    assert re.match("ACCESS_TOKEN_MINUTES: .+ integer", minutes)
    # The tests choose the level of the log themselves.
    assert [line.partition(":")[0] for line in others] == ["LOG_LEVEL"] * (command != "pytest")
    assert "hunter2" not in said


@pytest.mark.sample(3)
@pytest.mark.parametrize(
    ("command", "name"),
    [*((command, "ENVIRONMENT") for command in COMMANDS), ("alembic check", "environment")],
)
def test_a_file_for_development_is_not_read_in_production(
    command: str, name: str, service: Path
) -> None:
    """Weak secrets, and the wrong database: `.env` lies where a service was tried first."""
    production = {name: "production"}

    code, said = outcome(service, "uv", "run", "--no-sync", *command.split(), **production)

    assert code == 1
    key, url = lines_of(said, "SECRET_KEY", "DATABASE_URL")
    assert key.startswith("SECRET_KEY is missing")
    assert url.startswith("DATABASE_URL is missing")


def test_a_file_that_is_meant_is_read_in_production(service: Path, tmp_path: Path) -> None:
    """Named by ENV_FILE, or one that itself says that this is production."""
    key = "DOCS_ENABLED=true\nSECRET_KEY=0123456789abcdefghijklmnopqrstuvwxyz\n"
    url = "DATABASE_URL=postgresql://me:pw@db.example/blog\n"
    named = tmp_path / "settings"
    named.write_text(key + url)
    other = render(tmp_path / "other")
    (other / ".env").write_text(f"ENVIRONMENT=production\n{key}{url}")
    show = "from app.config import settings; print(settings.environment, settings.docs_enabled)"
    python = ("uv", "run", "--no-sync", "--project", str(service), "python", "-c", show)

    by_name = run(service, *python, ENVIRONMENT="production", ENV_FILE=str(named))
    by_itself = run(other, *python)
    local = run(service, *python, ENV_FILE="")

    assert (by_name, by_itself) == ("production True\n", "production True\n")
    assert local == "local None\n"


def test_a_long_name_of_the_temporary_folder_is_no_obstacle(service: Path, workspace: Path) -> None:
    """A socket's path holds 107 bytes."""
    long = workspace / ("x" * 70)
    long.mkdir()

    url = run(service, "uv", "run", "python", "-c", THROW_AWAY.format(""), TMPDIR=str(long))

    assert "x" * 70 not in url


def test_a_server_that_does_not_start_says_why(service: Path) -> None:
    """Although the folder with its log is deleted."""
    spoilt = THROW_AWAY.format("postgres.NOT_DURABLE.extend(['-c', 'none=on'])")

    code, said = outcome(service, "uv", "run", "python", "-c", spoilt)

    assert code == 1
    assert 'unrecognized configuration parameter "none"' in said
    assert "Traceback" not in said


def test_no_umask_is_an_obstacle(workspace: Path) -> None:
    """Not even for root, whose PostgreSQL is another user's."""
    folder = workspace / "closed"
    shell = f"umask 077 && cp -R {render(workspace / 'open')} {folder} && cd {folder}"
    shell += " && uv run poe migrate && uv run pytest tests/contract/test_tokens.py"

    said = run(workspace, "bash", "-c", shell, UV_PROJECT_ENVIRONMENT=str(folder / ".venv"))

    assert "Applied 0001" in said
    if elsewhere := re.search(r"its data is in (\S+)", said):
        wait_until(lambda: not processes_in(Path(elsewhere[1])))
        shutil.rmtree(elsewhere[1])


def test_the_health_check_of_the_image_asks_no_proxy(service: Path) -> None:
    dockerfile = (service / "Dockerfile").read_text()
    check = re.search(r"^HEALTHCHECK .*\n +CMD (.+)$", dockerfile, re.MULTILINE)
    assert check
    serve = ("uv", "run", "uvicorn", "app.main:app", "--port")

    with running(service, *serve) as url:
        command = check[1].replace("8000", url.rpartition(":")[2])
        run(service, "uv", "run", *json.loads(command), **PROXY)

    assert outcome(service, "uv", "run", *json.loads(command), **PROXY)[0] == 1
