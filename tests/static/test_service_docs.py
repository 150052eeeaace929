"""A service's own README, AGENTS.md and deployment.md: short, and true of its code."""

import ast
import json
import re
import tomllib
from pathlib import Path
from textwrap import dedent, indent

from tests.services import ROOT

CODE_BLOCK = re.compile(r"^`([\w./-]+)`[^\n]*:\n```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)
# tests/test_recipes.py applies this page to a service, then lints, types and tests the result.
RECIPE = (ROOT / "docs/recipes/private-and-nested.md").read_text()
PATH = re.compile(r"`((?:alembic|app|devtools|docs|scripts|tests)/[\w./-]*)`")
TO_BE_WRITTEN = re.compile(r"/(test_)?(tags|tasks)\.py$")  # the resources they add
OF_UVICORN = {"FORWARDED_ALLOW_IPS"}
LAYERS = ["models", "schemas", "repos", "services", "api/routes"]

type Row = list[str]


def settings_of(service: Path) -> dict[str, ast.expr]:
    """The default of each setting, as app/config.py writes it."""
    module = ast.parse((service / "app/config.py").read_text())
    (settings,) = [
        node for node in module.body if isinstance(node, ast.ClassDef) and node.name == "Settings"
    ]
    fields = [node for node in settings.body if isinstance(node, ast.AnnAssign)]
    return {ast.unparse(field.target).upper(): default_of(field) for field in fields}


def default_of(field: ast.AnnAssign) -> ast.expr:
    """That of `Field(default=…)` too."""
    assert field.value
    keywords = field.value.keywords if isinstance(field.value, ast.Call) else []
    return next((word.value for word in keywords if word.arg == "default"), field.value)


def cell_of(default: ast.expr) -> str | None:
    """What the table shows for a default; None where only words can say it."""
    if not isinstance(default, ast.Constant) or default.value in {None, ""}:
        return None
    text = str(default.value)
    return f"`{text.lower() if isinstance(default.value, bool) else text}`"


def table_of_settings(service: Path) -> dict[str, Row]:
    """The cells after the name of each variable."""
    page = (service / "docs/deployment.md").read_text()
    table = page.partition("| variable | default | required in production |")[2]
    rows = [row.strip("| ").split(" | ") for row in table.partition("\n\n")[0].split("\n")[2:]]
    return {row[0].strip("`"): row[1:] for row in rows}


def test_the_readme_is_short(service: Path) -> None:
    lines = (service / "README.md").read_text().splitlines()

    assert len(lines) <= 45
    assert [line for line in lines if len(line) > 160] == []


def test_the_readme_names_every_command(service: Path) -> None:
    project = tomllib.loads((service / "pyproject.toml").read_text())
    readme = (service / "README.md").read_text()
    listed = re.findall(r"^`uv run poe` lists the other commands: (.+)\.$", readme, re.MULTILINE)
    shown = re.findall(r"^uv run poe ([\w-]+) .*#", readme, re.MULTILINE)

    named = {*re.findall(r"`([\w-]+)`", *listed), *shown}
    assert named == project["tool"]["poe"]["tasks"].keys()


def test_the_paths_that_they_name_are_there(service: Path) -> None:
    """In the service; or in the template, whose documentation they name."""
    for page in [*service.glob("*.md"), *service.glob("docs/*.md")]:
        for path in PATH.findall(page.read_text()):
            places = [service, ROOT] if path.startswith("docs/") else [service]
            there = any((place / path).exists() for place in places)
            assert there or TO_BE_WRITTEN.search(path), f"{page}: {path}"


def test_the_table_of_settings_has_every_setting_and_its_default(service: Path) -> None:
    settings, rows = settings_of(service), table_of_settings(service)

    assert rows.keys() == settings.keys() | OF_UVICORN
    for name, default in settings.items():
        shown = rows[name][0]
        assert shown == cell_of(default) or (cell_of(default) is None and "`" not in shown), name
        assert name in (service / ".env.example").read_text()


def test_behind_a_proxy_production_needs_a_setting_of_uvicorn(service: Path) -> None:
    table = table_of_settings(service)
    step = (service / "docs/deployment.md").read_text().partition("\n1. Set ")[2].partition("\n")[0]

    for name in OF_UVICORN:
        assert table[name][:2] == ["`127.0.0.1`", "behind a proxy"]
        assert f"behind a proxy `{name}`" in step


def test_the_table_of_settings_says_what_production_requires(service: Path) -> None:
    config = (service / "app/config.py").read_text()
    refused = re.findall(r'"(\w+)" not in self\.model_fields_set', config)
    required = {name for name, row in table_of_settings(service).items() if row[1] == "yes"}

    assert required == {"ENVIRONMENT", *map(str.upper, refused)}


def test_the_command_and_timeouts_of_production_are_those_of_the_code(
    renders: dict[str, Path],
) -> None:
    service = renders["default"]
    page = (service / "docs/deployment.md").read_text()
    command = re.findall(r"^CMD (\[.+\])$", (service / "Dockerfile").read_text(), re.MULTILINE)[-1]
    code = "".join(path.read_text() for path in (service / "app/db").glob("*.py"))
    timeouts = re.findall(r'"(\w+_timeout)": "(\d+)000"', code)

    assert f"\n{' '.join(json.loads(command))}\n" in page
    assert timeouts == re.findall(r"SET (\w+) = '(\d+)s'", page)


def test_the_code_that_catches_a_database_error_is_that_of_a_tested_recipe(
    service: Path,
) -> None:
    recipe = (ROOT / "docs/recipes/no-overlap.md").read_text()
    for page in (ROOT / "docs/own.md", service / "AGENTS.md"):
        (block,) = re.findall(r"^ *```python\n( *try:\n.*?)^ *```$", page.read_text(), re.M | re.S)

        assert indent(dedent(block), " " * 4) in recipe, page


def test_the_code_for_each_layer_is_that_of_a_tested_recipe(renders: dict[str, Path]) -> None:
    tested = dict(CODE_BLOCK.findall(RECIPE))
    shown = dict(CODE_BLOCK.findall((renders["minimal"] / "AGENTS.md").read_text()))

    assert [*shown] == [
        *[f"app/{layer}/tasks.py" for layer in LAYERS],
        "tests/factories/tasks.py",
        "tests/integration/test_tasks.py",
    ]
    for path, code in shown.items():
        assert len([line for line in code.splitlines() if line]) <= 15, path
        for definition in code.strip("\n").split("\n\n\n"):
            assert definition in tested[path], definition
