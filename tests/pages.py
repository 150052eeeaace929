"""The new files that a page of the documentation gives in full."""

import re
from pathlib import Path

NEW_FILE = re.compile(r"^`([\w./]+)`:\n\n?```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def new_files(page: Path) -> dict[str, str]:
    return dict(NEW_FILE.findall(page.read_text()))
