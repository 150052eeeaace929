"""What `poe resource` runs: the models are imported first, so that a broken one is a sentence."""

import os
import sys
from pathlib import Path

# No setting of the developer matters here, and no database of theirs.
os.environ |= {"ENV_FILE": "", "ENVIRONMENT": "local"}
os.environ.pop("DATABASE_URL", None)
sys.path.append(str(Path(__file__).parents[1] / "devtools"))

from sqlalchemy.orm import configure_mappers

try:
    import app.models  # noqa: F401 - registers every table

    configure_mappers()
except Exception as error:  # noqa: BLE001 - whatever is wrong with a file of the owner's
    sys.exit(f"A model cannot be imported. {type(error).__name__}: {error}")

from command import main

if __name__ == "__main__":
    main()
