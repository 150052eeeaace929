"""Run a command with the database: `python -m scripts.run alembic upgrade head`."""

import os
import sys

from app.config import Settings
from scripts import database
from scripts.postgres import find_binaries


def main(command: list[str]) -> None:
    if (lock := database.start()) is not None:
        os.set_inheritable(lock, True)  # this process becomes the command, and keeps the lock
    if command == ["psql"]:
        url = Settings().database_url.set(drivername="postgresql")
        command = [str(find_binaries()[0] / "psql"), url.render_as_string(hide_password=False)]
    os.chdir(database.ROOT)
    os.execvp(command[0], command)  # noqa: S606 - without a shell is what we want


if __name__ == "__main__":
    main(sys.argv[1:])
