"""What docs/deploy.md gives: files for one machine, and a backup that is proven.

The proxy's file is tried in `tests/proxies`, the image in `tests/image`.
"""

import os
import re
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from tests.deployments import Deployment
from tests.pages import new_files
from tests.services import ROOT, git_commit, installed, run

PAGE = ROOT / "docs/deploy.md"
FILES = new_files(PAGE)
COMPOSE = yaml.safe_load(FILES["compose.production.yaml"])
BACKUP = re.findall(r"database (sh -s .*backup\.sh)$", PAGE.read_text(), re.M)[0]
ROWS = "SELECT * FROM users ORDER BY id"


@pytest.fixture(scope="module")
def deployment(workspace: Path) -> Iterator[Deployment]:
    deployment = Deployment.of(installed(workspace / "backup"), workspace / "pgb")
    deployment.sql(
        "INSERT INTO users (email, name, password_hash, role, disabled, created_at, updated_at)"
        " SELECT n || '@example.com', 'Zoë', '-', 'user', false, now(), now()"
        " FROM generate_series(1, 5000) n; CREATE TABLE written (n integer)"
    )
    yield deployment
    deployment.database.control("stop")


def sh(deployment: Deployment, command: str, folder: Path, first: str = "") -> tuple[int, str]:
    """As in the container of the database: its programs, its user, its socket."""
    database = deployment.database
    found = subprocess.run(
        ["sh", "-c", command],
        cwd=folder,
        env={
            "PATH": f"{first}:{database.programs}:{os.environ['PATH']}",
            "PGHOST": str(database.folder),
            "PGUSER": COMPOSE["services"]["database"]["environment"]["PGUSER"],
        },
        capture_output=True,
        text=True,
        check=False,
    )
    return found.returncode, found.stdout + found.stderr


def program(path: Path, script: str) -> Path:
    path.parent.mkdir()
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "backup.sh").write_text(FILES["backup.sh"])
    (tmp_path / "backups").mkdir()
    return tmp_path


def backup(deployment: Deployment, folder: Path, first: str = "") -> tuple[int, str]:
    return sh(deployment, BACKUP.replace("/backups", "backups"), folder, first)


def test_backup_is_restored_while_rows_are_written(deployment: Deployment, folder: Path) -> None:
    ended = threading.Event()

    def write() -> None:
        while not ended.wait(0.01):
            deployment.sql("INSERT INTO written VALUES (1)")

    writer = threading.Thread(target=write)
    writer.start()
    code, said = backup(deployment, folder)
    ended.set()
    writer.join()
    assert code == 0, said
    assert "every row restored" in said

    (dump,) = (folder / "backups").iterdir()
    assert dump.stat().st_mode & 0o077 == 0
    restore = re.findall(r"pg_restore (--exit-on-error .*?) /backups/", PAGE.read_text())[0]
    assert "--dbname=postgres" in restore
    options = restore.replace("=postgres", "=elsewhere")
    code, said = sh(deployment, f"createdb elsewhere && pg_restore {options} {dump}", folder)
    assert code == 0, said
    rows = deployment.sql(ROWS)
    assert len(rows.splitlines()) == 5000
    assert sh(deployment, f'psql -qtA -d elsewhere -c "{ROWS}"', folder)[1].strip() == rows


@pytest.mark.parametrize(
    "fault",
    [
        'pg_dump "$@" --exclude-table-data=users',
        'pg_dump "$@" --file=/dev/full',
        'pg_restore "$@" --list',
        'pg_restore "$@" && psql -d restored -c "UPDATE users SET name = \'\' WHERE id = 1"',
    ],
)
def test_backup_that_is_not_whole_is_no_backup(
    fault: str, deployment: Deployment, folder: Path
) -> None:
    wrong = program(folder / "wrong" / fault.split()[0], f"{deployment.database.programs}/{fault}")

    code, _ = backup(deployment, folder, first=str(wrong.parent))

    assert code != 0
    assert not list((folder / "backups").iterdir())
    assert deployment.sql("SELECT count(*) FROM pg_database WHERE datname = 'restored'") == "0"


@pytest.mark.parametrize("migrates", [True, False])
def test_old_release_is_stopped_only_after_the_migration(migrates: bool, tmp_path: Path) -> None:
    """`up` stops it first, also where the next one depends on a migration that then fails."""
    ends = "true" if migrates else "false"
    script = f'echo "$RELEASE $*" >> log; case "$*" in *alembic*) exec {ends}; esac'
    docker = program(tmp_path / "bin/docker", script)
    (tmp_path / ".env").write_text("DOMAIN=x\nRELEASE=old\n")
    (tmp_path / "release.sh").write_text(FILES["release.sh"])
    git_commit(tmp_path)
    new = run(tmp_path, "git", "rev-parse", "--short", "HEAD").strip()

    path = f"{docker.parent}:{os.environ['PATH']}"
    done = subprocess.run(["sh", "release.sh"], cwd=tmp_path, env={"PATH": path}, check=False)

    assert (done.returncode == 0) is migrates
    release = new if migrates else "old"
    assert (tmp_path / ".env").read_text() == f"DOMAIN=x\nRELEASE={release}\n"
    steps = [line.split()[:3] for line in (tmp_path / "log").read_text().splitlines()]
    expected = ["build", "run", "up", "exec"] if migrates else ["build", "run"]
    assert steps == [[new, "compose", step] for step in expected]


def test_files_fit_what_is_rendered(deployment: Deployment) -> None:
    rendered = yaml.safe_load((deployment.service / "compose.yaml").read_text())
    settings = (deployment.service / "docs/deployment.md").read_text()
    services = COMPOSE["services"]

    assert services["database"]["image"] == rendered["services"]["database"]["image"]
    assert " ".join(rendered["services"]["migrate"]["command"]) in FILES["release.sh"]
    for name in services["app"]["environment"]:
        assert f"`{name}`" in settings
    given = set(re.findall(r"\$\{(\w+)", FILES["compose.production.yaml"]))
    assert given == set(re.findall(r"^([A-Z_]+)=", PAGE.read_text(), re.M)) - {"COMPOSE_FILE"}
