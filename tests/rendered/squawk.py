"""What squawk says of a service's migrations: which of them lock a table that is in use."""

import subprocess
import sys
import tempfile
from pathlib import Path

from tests.services import run

# As `--sql` prints it, the migrations' own statements and their limits; each alone, because what
# one file creates, squawk holds to be unused.
PRINT = """
import sys
from pathlib import Path
from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory

folder = Path(sys.argv[1])
for script in ScriptDirectory("alembic").walk_revisions():
    new, old = script.revision, script.down_revision or "base"
    for run, steps in ((command.upgrade, f"{old}:{new}"), (command.downgrade, f"{new}:{old}")):
        with (folder / f"{run.__name__}-{new}.sql").open("w") as file:
            run(Config(toml_file="pyproject.toml", output_buffer=file), steps, sql=True)
"""
# A downgrade takes away what its upgrade brought, by design and at a quiet time.
BY_DESIGN = [
    "adding-not-nullable-field",
    "ban-drop-column",
    "ban-drop-function",
    "ban-drop-not-null",
    "ban-drop-table",
    "require-concurrent-index-deletion",
]
NOT_WANTED = [
    # It wants IF NOT EXISTS, which keeps the invalid index of a failed run. Ours drop that before.
    "prefer-robust-stmts",
    # A longer VARCHAR locks its table for a moment and rewrites nothing: the bound is worth that.
    "prefer-text-field",
]


def findings(service: Path) -> str:
    with tempfile.TemporaryDirectory() as folder:
        run(service, "uv", "run", "--no-sync", "python", "-c", PRINT, folder)
        return squawk(Path(folder), "upgrade-*") + squawk(Path(folder), "downgrade-*", *BY_DESIGN)


def squawk(folder: Path, pattern: str, *excluded: str) -> str:
    files = sorted(str(file) for file in folder.glob(pattern))
    assert files
    command = [str(Path(sys.executable).with_name("squawk")), "--pg-version=15", "--reporter=gcc"]
    options = (f"--exclude={','.join([*NOT_WANTED, *excluded])}", *files)
    done = subprocess.run([*command, *options], capture_output=True, text=True)
    assert done.returncode in {0, 1}, done.stderr
    return done.stdout
