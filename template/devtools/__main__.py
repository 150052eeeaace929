"""`python devtools COMMAND`: what `poe` runs.

This folder is no package, and a path starts it: a package of this name would hide PyPI's `devtools`
from the service.
"""

import runpy
import sys

COMMANDS = ["dev", "openapi", "postgres", "routes", "run"]

if __name__ == "__main__":
    del sys.argv[0]
    if not sys.argv or sys.argv[0] not in COMMANDS:
        sys.exit(f"Usage: python devtools {'|'.join(COMMANDS)}")
    runpy.run_module(sys.argv[0], run_name="__main__")
