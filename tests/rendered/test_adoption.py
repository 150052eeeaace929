"""`docs/update.md`: a service that existed before, one among others, and one that leaves.

The commands are those of the page, and nothing else is typed but what it says in words.
"""

import re
import shutil
from pathlib import Path

import yaml

from tests.releases import NEXT
from tests.services import ROOT, SHORT, edit, files_of, git_commit, outcome, run

BLOCK = re.compile(r"^```(?:sh|yaml)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def blocks_of(heading: str) -> list[str]:
    """The commands and files of a section of the page, in their order."""
    page = (ROOT / "docs/update.md").read_text()
    section = page.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    return BLOCK.findall(section)


def copying(block: str, template: Path) -> str:
    """With the default answers, of the version before the newest."""
    block = block.replace("<the URL of the template>", str(template))
    return block.replace("uvx copier copy", f"copier copy --quiet --defaults --vcs-ref {NEXT}")


def sh(folder: Path, commands: str) -> str:
    return run(folder, "sh", "-ec", commands)


EXISTING = {
    "README.md": "# Orders\n\nWhat customers want.\n",
    ".gitignore": ".venv/\n.vscode/\n",
    ".vscode/launch.json": "mine",
    "pyproject.toml": """\
[project]
name = "blog-api"
version = "3.0.0"
requires-python = ">=3.12"
dependencies = ["fastapi"]
""",
    "app/__init__.py": "",
    "app/main.py": "from fastapi import FastAPI\n\napp = FastAPI()\n",
    "app/models/orders.py": '''\
"""What customers want."""

from sqlalchemy.orm import Mapped, mapped_column

from app.db.base import Base


class Order(Base):
    __tablename__ = "orders"

    number: Mapped[int] = mapped_column(primary_key=True)
''',
    "alembic/versions/orders.py": '''\
"""Orders."""

import sqlalchemy as sa
from alembic import op

revision = "orders"
down_revision = None


def upgrade() -> None:
    op.create_table("orders", sa.Column("number", sa.BigInteger(), primary_key=True))


def downgrade() -> None:
    op.drop_table("orders")
''',
}


def test_a_service_that_exists_adopts_the_template(workspace: Path, upcoming: Path) -> None:
    """It keeps its history, its migrations and what it chooses to; and updates come in."""
    service = workspace / "adoption/orders"
    for name, text in EXISTING.items():
        (service / name).parent.mkdir(parents=True, exist_ok=True)
        (service / name).write_text(text)
    git_commit(service, "Ours")
    rendering, overwritten, merging, finishing = blocks_of(
        "Adopt the template in a service that exists"
    )

    sh(service, copying(rendering, upcoming))
    assert sh(service, overwritten) == ".vscode/launch.json\n"
    shutil.move(service / ".vscode", service.parent / "moved-away")
    code, output = outcome(service, "sh", "-ec", merging)
    conflicts = set(re.findall(r"Merge conflict in (.+)", output))
    assert code == 1
    assert conflicts == {"README.md", ".gitignore", "app/main.py", "pyproject.toml"}
    run(service, "git", "checkout", "--ours", "README.md")
    run(service, "git", "checkout", "--theirs", "app/main.py", "pyproject.toml")
    edit(service / "pyproject.toml", 'version = "0.1.0"', 'version = "3.0.0"')
    ignored = (service / ".gitignore").read_text()
    (service / ".gitignore").write_text(re.sub(r"(?m)^(<<<<<<<|=======|>>>>>>>).*\n", "", ignored))
    run(service, "git", "rm", "-f", "--quiet", "alembic/versions/0001_accounts.py")
    sh(service, finishing)

    assert run(service, "git", "log", "--format=%s") == "Adopt the template\nOurs\n"
    assert not (service.parent / "render").exists()
    run(service, "uv", "run", "poe", "update", "--defaults")
    assert (service / "AGENTS.md").read_text().endswith("Be kind.\n")
    assert (service / "README.md").read_text() == EXISTING["README.md"]
    changed = run(service, "git", "status", "--porcelain").splitlines()
    assert [line for line in changed if line[:2] != "M "] == [" M uv.lock"]


def test_a_service_lives_among_others(workspace: Path, upcoming: Path) -> None:
    """Its commands see its own folder only, and an update leaves the rest as it is."""
    repository, service = workspace / "larger", workspace / "larger/services/blog"
    repository.mkdir()
    (repository / "other.txt").write_text("")
    git_commit(repository, "Others")
    copied, hooks, moving, changed = blocks_of("A service inside a larger repository")

    sh(repository, copying(copied, upcoming))
    run(service, "uv", "sync", "--locked", "--quiet")
    sh(repository, hooks)
    sh(repository, moving)
    workflow = repository / ".github/workflows/blog-ci.yml"
    content = yaml.safe_load(workflow.read_text()) | yaml.safe_load(changed)
    workflow.write_text(yaml.safe_dump(content).replace("true:", '"on":'))
    schema = ("--builtin-schema", "vendor.github-workflows")
    run(repository, "check-jsonschema", *schema, str(workflow))
    with (service / "AGENTS.md").open("a") as agents:
        agents.write("Be brief.\n")
    git_commit(repository, "Ours")
    assert "Be brief." in (service / "AGENTS.md").read_text()
    (repository / "other.txt").write_text("<<<<<<< not the service's\n")
    run(service, "uv", "run", "poe", "check", **SHORT)

    output = run(service, "uv", "run", "poe", "update", "--defaults")

    assert "Resolve what is between <<<<<<< and >>>>>>> in AGENTS.md: git add AGENTS.md" in output
    changes = run(repository, "git", "status", "--porcelain").splitlines()
    assert [line for line in changes if "services/blog/" not in line] == [" M other.txt"]
    assert "UU services/blog/AGENTS.md" in changes
    assert files_of(service / ".github") == []
    run(service, "git", "add", "--all", ".")
    code, refusal = outcome(repository, "git", "commit", "--message", "Update")
    assert code == 1
    assert "no conflict is left" in refusal
    taking_back = blocks_of("Read and finish a conflict")[-1]
    assert f"To take it back: {taking_back}" in output
    sh(service, taking_back)
    assert run(repository, "git", "status", "--porcelain") == " M other.txt\n"


def test_a_service_leaves_the_template(workspace: Path, upcoming: Path) -> None:
    service = workspace / "left"
    sh(workspace, copying(f"uvx copier copy <the URL of the template> {service}", upcoming))
    git_commit(service)

    for block in blocks_of("Leave the template"):
        sh(service, block)
    pyproject, readme = service / "pyproject.toml", service / "README.md"
    table = re.compile(r"^\[tool\.poe\.tasks\.update\]\n(?:.+\n)+\n", re.MULTILINE)
    pyproject.write_text(table.sub("", pyproject.read_text()))
    edit(readme, ", `update`", "")
    without_section = re.sub(r"\n## Update\n[^#]*", "", readme.read_text())
    readme.write_text(re.sub(r"uv run poe update .*\n", "", without_section))

    assert run(service, "git", "ls-files", "*update*", "*copier*") == ""
    assert "update" not in run(service, "uv", "run", "--locked", "poe", "--help")
    assert "poe update" not in readme.read_text()
    run(service, "uv", "run", "poe", "check", **SHORT)
