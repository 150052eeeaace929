"""The packages of a service, and ours."""

import re
from pathlib import Path

import pytest

from tests.services import ROOT, TEMPLATE, git_commit, render, run


@pytest.mark.parametrize("lock", [ROOT / "uv.lock", TEMPLATE / "uv.lock.jinja"])
def test_a_lock_is_as_uv_writes_it_for_everybody(lock: Path) -> None:
    """Whatever differs, such as files without a size, an owner's first `uv add` would rewrite."""
    text = lock.read_text()
    files = [line for line in text.splitlines() if "hash = " in line]

    assert files
    assert all(re.search(r", size = [1-9]", line) for line in files)
    assert set(re.findall(r'registry = "(.*?)"', text)) == {"https://pypi.org/simple"}
    assert "[options]" not in text


@pytest.mark.rendered
def test_uv_add_changes_only_what_it_adds(tmp_path: Path) -> None:
    service = render(tmp_path / "service")
    git_commit(service)

    run(service, "uv", "add", "--no-sync", "sniffio")

    changes = run(service, "git", "diff", "--unified=0")
    changed = re.findall(r"^[-+](?![-+]).*$", changes, re.MULTILINE)
    assert not [line for line in changed if line.startswith("-")]
    assert len(changed) < 20
