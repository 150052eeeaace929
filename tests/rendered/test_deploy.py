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
from tests.services import ROOT, installed

PAGE = ROOT / "docs/deploy.md"
FILES = new_files(PAGE)
COMPOSE = yaml.safe_load(FILES["compose.production.yaml"])
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
            "PGUSER": "postgres",
        },
        capture_output=True,
        text=True,
        check=False,
    )
    return found.returncode, found.stdout + found.stderr


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "backup.sh").write_text(FILES["backup.sh"])
    (tmp_path / "backups").mkdir()
    return tmp_path


def test_backup_is_restored_while_rows_are_written(deployment: Deployment, folder: Path) -> None:
    ended = threading.Event()

    def write() -> None:
        while not ended.wait(0.01):
            deployment.sql("INSERT INTO written VALUES (1)")

    writer = threading.Thread(target=write)
    writer.start()
    code, said = sh(deployment, "sh backup.sh backups", folder)
    ended.set()
    writer.join()
    assert code == 0, said
    assert "every row restored" in said

    (dump,) = (folder / "backups").iterdir()
    restore = re.findall(r"pg_restore (--exit-on-error .*?) /backups/", PAGE.read_text())[0]
    assert "--dbname=postgres" in restore
    options = restore.replace("=postgres", "=elsewhere")
    code, said = sh(deployment, f"createdb elsewhere && pg_restore {options} {dump}", folder)
    assert code == 0, said
    rows = deployment.sql(ROWS)
    assert len(rows.splitlines()) == 5000
    assert sh(deployment, f'psql -qtA -d elsewhere -c "{ROWS}"', folder)[1].strip() == rows


@pytest.mark.parametrize(
    "fault", ["pg_dump --exclude-table-data=users", "pg_dump --file=/dev/full", "pg_restore --list"]
)
def test_backup_that_is_not_whole_is_no_backup(
    fault: str, deployment: Deployment, folder: Path
) -> None:
    program, option = fault.split()
    wrong = folder / "wrong"
    wrong.mkdir()
    (wrong / program).write_text(
        f'#!/bin/sh\nexec {deployment.database.programs / program} "$@" {option}\n'
    )
    (wrong / program).chmod(0o755)

    code, _ = sh(deployment, "sh backup.sh backups", folder, first=str(wrong))

    assert code != 0
    assert not list((folder / "backups").iterdir())
    assert deployment.sql("SELECT count(*) FROM pg_database WHERE datname = 'restored'") == "0"


def test_files_fit_what_is_rendered(deployment: Deployment) -> None:
    rendered = yaml.safe_load((deployment.service / "compose.yaml").read_text())
    settings = (deployment.service / "docs/deployment.md").read_text()
    services = COMPOSE["services"]

    assert services["database"]["image"] == rendered["services"]["database"]["image"]
    assert services["migrate"]["command"] == rendered["services"]["migrate"]["command"]
    assert services["app"]["environment"] == services["migrate"]["environment"]
    for name in services["app"]["environment"]:
        assert f"`{name}`" in settings
    given = set(re.findall(r"\$\{(\w+)", FILES["compose.production.yaml"]))
    assert given == set(re.findall(r"^([A-Z_]+)=", PAGE.read_text(), re.M)) - {"COMPOSE_FILE"}
