"""Writes the files of a resource into a temporary tree, and moves them when all is well."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import jinja2

HERE = Path(__file__).parent
MODEL = "app/models/{}.py"
# Where each template of this folder is written to.
FILES = {
    "schemas": "app/schemas/{}.py",
    "repos": "app/repos/{}.py",
    "services": "app/services/{}.py",
    "routes": "app/api/routes/{}.py",
    "factory": "tests/factories/{}.py",
    "unit": "tests/unit/test_{}.py",
    "integration": "tests/integration/test_{}.py",
}


def render(template: str, to: Path, context: dict[str, Any]) -> None:
    environment = jinja2.Environment(  # noqa: S701 - what is written is Python, no HTML
        loader=jinja2.FileSystemLoader(HERE),
        variable_start_string="<<",
        variable_end_string=">>",
        block_start_string="<%",
        block_end_string="%>",
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    environment.filters["sql"] = lambda text: f"'{text}'"
    to.parent.mkdir(parents=True, exist_ok=True)
    to.write_text(environment.get_template(f"{template}.py.j2").render(context) + "\n")


def tidy(tree: Path) -> None:
    """Drop the imports that are not used, sort those that are, and format."""
    ours = "lint.isort.known-first-party = ['app', 'tests']"  # the tree has few of them
    rules = ["--quiet", "--fix-only", "--exit-zero", "--select", "F401,I", "--config", ours]
    for command in (["check", *rules], ["format", "--quiet"]):
        subprocess.run([sys.executable, "-m", "ruff", *command, "."], cwd=tree, check=True)
