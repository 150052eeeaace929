"""What commands cost, in CPU time, and resources as an owner might have added them."""

import ctypes
import os
import re
import resource
import subprocess
import sys
from pathlib import Path

from tests.services import environment, git_commit, run

SUBREAPER = 36  # prctl's: a process whose parent has gone becomes our child, and we wait for it

# Four fields more than a post has, so six: what the column is, and what a request may hold.
FIELDS = {
    "number": ("int", "Annotated[int, Field(ge=0, lt=2**31)]"),
    "price": ("Decimal", "Annotated[Decimal, Field(ge=0, le=1_000_000, decimal_places=2)]"),
    "due_on": ("date", "date"),
    "done": ("bool", "bool"),
}
VALUES = {"number": "1", "price": 'Decimal("1.50")', "due_on": "date(2026, 1, 31)", "done": "True"}


def cpu_seconds(folder: Path, *command: str, **variables: str) -> float:
    """User and system time of a command that succeeds, and of all that it started.

    A PostgreSQL that outlives it for a moment counts too: a process in between adopts it.
    """
    counting = [sys.executable, __file__, *command]
    done = subprocess.run(
        counting, cwd=folder, env=environment(**variables), capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return float(done.stderr.splitlines()[-1])


def count(command: list[str]) -> int:
    """Run the command, wait for all that is left of it, and print the seconds as the last line."""
    ctypes.CDLL(None).prctl(SUBREAPER, 1, 0, 0, 0)
    status = subprocess.call(command)
    while True:
        try:
            os.wait()
        except ChildProcessError:
            break
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    sys.stderr.write(f"\n{used.ru_utime + used.ru_stime}\n")
    return status


def add_resource(service: Path, name: str) -> None:
    """Five operations on six fields, as `posts` has them on two, with a test of each kind."""
    for file in run(service, "git", "ls-files", "*posts.py", ":!alembic").split():
        new = service / file.replace("posts", f"{name}s")
        text = (service / file).read_text()
        text = re.sub(
            r"(?<!client\.)(?<!router\.)(?<!app\.)(?<![A-Za-z])post(?=s?(?![a-z]))", name, text
        )
        new.write_text(re.sub(r"Post(?=s?(?![a-z]))", name.capitalize(), text))
        widen(new)
    run(service, "uv", "run", "ruff", "format", "--quiet")
    run(service, "uv", "run", "ruff", "check", "--fix", "--quiet")
    run(service, "uv", "run", "poe", "revision", f"add {name}s")
    git_commit(service, f"Add {name}s")


def widen(path: Path) -> None:
    """Give the fields to a file of the new resource."""
    text = path.read_text()
    lines = {
        "    body: Mapped[str]\n": "    {name}: Mapped[{column}]\n",
        "    body: Body\n": "    {name}: {field}\n",
        "    body: Body = LEFT_OUT\n": "    {name}: {field} = LEFT_OUT\n",
        "    body: str\n": "    {name}: {column}\n",
        '    body = "World"\n': "    {name} = {value}\n",
    }
    for line, added in lines.items():
        fields = [
            added.format(name=name, column=column, field=field, value=VALUES[name])
            for name, (column, field) in FIELDS.items()
        ]
        text = text.replace(line, line + "".join(fields))
    arguments = ", ".join(f"{name}={value}" for name, value in VALUES.items())
    text = text.replace('body="World")', f'body="World", {arguments})')
    sent = '"number": 1, "price": "1.50", "due_on": "2026-01-31", "done": True'
    text = text.replace('"body": "World"}', f'"body": "World", {sent}}}')
    text = text.replace(
        '"body", "created_at"}', f'"body", "created_at", {", ".join(map(repr, FIELDS))}}}'
    )
    if "Decimal" in text or "date" in text:
        imports = "from datetime import date\nfrom decimal import Decimal\n"
        text = re.sub(r"^(?=from|import)", imports, text, count=1, flags=re.MULTILINE)
    path.write_text(text)


if __name__ == "__main__":
    sys.exit(count(sys.argv[1:]))
