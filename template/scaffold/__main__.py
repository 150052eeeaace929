"""What `poe resource` runs: the models are imported first, so that a broken one is a sentence."""

import fcntl
import os
import sys
from importlib import import_module
from pathlib import Path

# No setting of the developer matters here, and no database of theirs.
os.environ |= {"ENV_FILE": "", "ENVIRONMENT": "local"}
os.environ.pop("DATABASE_URL", None)
sys.path.append(str(Path(__file__).parents[1] / "devtools"))

from sqlalchemy.orm import configure_mappers

with Path(__file__).open() as lock:
    fcntl.flock(lock, fcntl.LOCK_EX)  # of two at once, the second knows what the first has written
    try:
        import_module("app.models")  # registers every table
        configure_mappers()
    except Exception as error:  # noqa: BLE001 - whatever is wrong with a file of the owner's
        sys.exit(f"A model cannot be imported. {type(error).__name__}: {error}")

    import_module("command").main()
