"""The new files that a page of the documentation gives in full."""

import re
from pathlib import Path

KINDS = ["python", "toml", "json", "yaml", "sh", "text"]
NEW_FILE = re.compile(
    rf"^`([\w./-]+)`:\n\n?```(?:{'|'.join(KINDS)})\n(.*?)^```$", re.MULTILINE | re.DOTALL
)


def new_files(page: Path) -> dict[str, str]:
    return dict(NEW_FILE.findall(page.read_text()))
