"""What is true of every file of every render."""

import json
import re
import shutil
import tomllib
from pathlib import Path

import copier
import jinja2
import jinja2.meta
import pytest
import yaml

from tests.services import ROOT, SETTINGS, TEMPLATE, files_of, run

LEFTOVER = re.compile(r"(?<!\$)\{\{|\{%|\{#")
JINJA_BLOCKS = re.compile(r"\{%\s*(if|for)\b")


@pytest.fixture(scope="session")
def roots(renders: dict[str, Path], pair_renders: list[Path]) -> list[Path]:
    """Every profile, and every pair of answers."""
    return [*renders.values(), *pair_renders]


@pytest.fixture(scope="session")
def everything(roots: list[Path]) -> list[tuple[Path, Path]]:
    """Every file that is rendered, with the root of its render; what is the same, once."""
    found = {
        (path.relative_to(root), path.read_bytes()): (root, path)
        for root in roots
        for path in files_of(root)
    }
    return [*found.values()]


def test_no_jinja_is_left(everything: list[tuple[Path, Path]]) -> None:
    for _, path in everything:
        assert not LEFTOVER.search(path.read_text()), path


def test_text_ends_in_one_newline_and_lines_in_no_space(
    everything: list[tuple[Path, Path]],
) -> None:
    for _, path in everything:
        text = path.read_text()
        assert text == "" or (text.endswith("\n") and not text.endswith("\n\n")), path
        assert not re.search(r"[ \t]$", text, re.MULTILINE), path
        assert "\n\n\n\n" not in text, path


def test_data_files_parse(everything: list[tuple[Path, Path]]) -> None:
    for _, path in everything:
        if path.suffix == ".toml" or path.name == "uv.lock":
            tomllib.loads(path.read_text())
        elif path.suffix in {".yml", ".yaml"}:
            yaml.safe_load(path.read_text())
        elif path.suffix == ".json":
            json.loads(path.read_text())
        elif path.suffix == ".py":
            compile(path.read_text(), path, "exec")


def test_python_is_formatted_and_linted(roots: list[Path]) -> None:
    for service in roots:
        run(service, "ruff", "format", "--check", "--no-cache")
        run(service, "ruff", "check", "--no-cache")


def test_names_are_legal_everywhere(everything: list[tuple[Path, Path]], roots: list[Path]) -> None:
    """On Windows too, where some names are devices and letters' case does not tell files apart."""
    devices = {"con", "prn", "aux", "nul", *(f"{d}{n}" for d in ("com", "lpt") for n in range(10))}
    for root, path in everything:
        name = str(path.relative_to(root))
        assert re.fullmatch(r"[\w./-]+", name, re.ASCII), path
        assert not {part.split(".")[0].lower() for part in path.parts} & devices, path
        assert not any(part.endswith(".") for part in path.parts), path
    for root in roots:
        names = [str(path).lower() for path in files_of(root)]
        assert len(names) == len(set(names))


def test_nothing_is_rendered_that_git_ignores(roots: list[Path], tmp_path: Path) -> None:
    """copier overwrites such a file at every update, and nobody sees it."""
    for number, root in enumerate(roots):
        copy = shutil.copytree(root, tmp_path / str(number))
        run(copy, "git", "init", "--quiet")
        assert run(copy, "git", "status", "--porcelain", "--ignored").count("!!") == 0


def test_two_renders_are_the_same(renders: dict[str, Path], tmp_path: Path) -> None:
    again = tmp_path / "again"
    copier.run_copy(str(ROOT), again, defaults=True, vcs_ref="HEAD", quiet=True)

    def text(path: Path) -> str:
        """Without the commit: a working tree with changes gets a new one at every render."""
        return re.sub(r"^_commit: .*$", "", path.read_text(), flags=re.MULTILINE)

    for path in files_of(again):
        assert text(path) == text(renders["default"] / path.relative_to(again)), path


def test_templates_name_only_what_is_asked() -> None:
    """Under StrictUndefined, and in every branch, not only those that a render takes."""
    known = {name for name in SETTINGS if name[0] != "_"} | {"_copier_answers", "_copier_conf"}
    parser = jinja2.Environment(undefined=jinja2.StrictUndefined, autoescape=False)  # noqa: S701
    parser.filters["to_nice_yaml"] = str

    for path in files_of(TEMPLATE):
        sources = [str(path.relative_to(TEMPLATE))]
        sources += [path.read_text()] if path.suffix == ".jinja" else []
        for source in sources:
            used = jinja2.meta.find_undeclared_variables(parser.parse(source))
            assert used <= known, path


def test_jinja_is_rare_and_stands_on_lines_of_its_own() -> None:
    with_blocks = 0
    for path in TEMPLATE.rglob("*.jinja"):
        text = path.read_text()
        assert len(JINJA_BLOCKS.findall(text)) <= 6, path
        for line in text.splitlines():
            assert "{%" not in line or re.fullmatch(r"\s*\{% .* %\}", line), f"{path}: {line}"
        with_blocks += path.name.endswith(".py.jinja")
    assert with_blocks <= 2
