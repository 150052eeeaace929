"""The packages of a service, and ours: what their locks and their ranges say."""

import re
from pathlib import Path

import pytest

from tests.services import ROOT, SETTINGS, TEMPLATE


@pytest.mark.parametrize("lock", [ROOT / "uv.lock", TEMPLATE / "uv.lock.jinja"])
def test_a_lock_is_as_uv_writes_it_for_everybody(lock: Path) -> None:
    """Whatever differs, such as files without a size, an owner's first `uv add` would rewrite."""
    text = lock.read_text()
    files = [line for line in text.splitlines() if "hash = " in line]

    assert files
    assert all(re.search(r", size = [1-9]", line) for line in files)
    assert set(re.findall(r'registry = "(.*?)"', text)) == {"https://pypi.org/simple"}
    assert "[options]" not in text


def test_we_use_no_older_copier_than_we_ask_for() -> None:
    version = SETTINGS["_min_copier_version"]

    for name in ("pyproject.toml", "template/devtools/update/__main__.py"):
        assert f'"copier>={version},<10"' in (ROOT / name).read_text()
