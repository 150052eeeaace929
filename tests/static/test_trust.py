"""Nobody needs `--trust`. pytest-copie cannot show this: it always trusts."""

from pathlib import Path

import copier
import pytest

from tests.services import git_commit, run


def test_copy_and_update_need_no_trust(released: Path, tmp_path: Path) -> None:
    service = tmp_path / "service"
    copier.run_copy(str(released), service, defaults=True, quiet=True)
    git_commit(service)
    agents = released / "template/AGENTS.md"
    agents.write_text(agents.read_text() + "- A rule of the next release.\n")
    run(released, "git", "commit", "--quiet", "--all", "--message", "Next")
    run(released, "git", "tag", "1.1.0")

    copier.run_update(service, defaults=True, overwrite=True, quiet=True)

    assert "A rule of the next release." in (service / "AGENTS.md").read_text()
    changed = run(service, "git", "status", "--porcelain").split()
    assert changed == ["M", ".copier-answers.yml", "M", "AGENTS.md"]


def test_an_update_leaves_migrations_and_the_lock_alone(released: Path, tmp_path: Path) -> None:
    service = tmp_path / "service"
    copier.run_copy(str(released), service, defaults=True, quiet=True)
    git_commit(service)
    (released / "template/alembic/versions/0003_more.py").write_text("")
    lock = released / "template/uv.lock.jinja"
    lock.write_text(lock.read_text() + "\n")
    run(released, "git", "add", "--all")
    run(released, "git", "commit", "--quiet", "--message", "Next")
    run(released, "git", "tag", "1.1.0")

    copier.run_update(service, defaults=True, overwrite=True, quiet=True)

    assert run(service, "git", "status", "--porcelain").split() == ["M", ".copier-answers.yml"]


@pytest.mark.parametrize("source", ["{}", "git+file://{}/.git"])
def test_the_command_line_needs_no_trust_either(
    source: str, released: Path, tmp_path: Path
) -> None:
    """From a clone and from a git URL, into a folder with a space in its name."""
    service = tmp_path / "my service"

    run(tmp_path, "copier", "copy", "--defaults", source.format(released), str(service))

    assert (service / "app/main.py").is_file()
    assert "_commit: 1.0.0" in (service / ".copier-answers.yml").read_text()
