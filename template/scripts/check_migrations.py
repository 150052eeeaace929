"""On an empty database: the migrations apply, and the models ask for no further one."""

import os
import subprocess
import sys

from scripts.postgres import serve_throw_away


def main() -> int:
    url = os.environ.get("TEST_DATABASE_URL") or serve_throw_away()
    os.environ["DATABASE_URL"] = url
    return subprocess.call(["alembic", "upgrade", "head"]) or subprocess.call(["alembic", "check"])


if __name__ == "__main__":
    sys.exit(main())
