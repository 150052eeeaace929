"""What the documentation names is there. Sphinx checks the links inside `docs/`; this, the rest."""

import fnmatch
import re
from pathlib import Path
from xml.etree import ElementTree

import pytest

from tests.owners import LEFT_ALONE
from tests.pages import new_files
from tests.services import QUESTIONS, ROOT, files_of

PAGES = sorted(page for page in (ROOT / "docs").rglob("*.md") if page.parent.name != "service")
DIAGRAMS = sorted({*(ROOT / "docs/pictures").glob("*.svg")} - {ROOT / "docs/pictures/terminal.svg"})
ARCHITECTURE = ROOT / "docs/architecture.md"
PROMISES = ROOT / "docs/promises.md"
INDEX = ROOT / "docs/decisions/index.md"
DECISIONS = sorted(INDEX.parent.glob("[0-9]*.md"))
WHOSE = re.compile(r"^\| (`.+`) \| .+ \| ([\w ]+).*? \|$", re.MULTILINE)
LINK = re.compile(r"\]\((?!\w+:)([^)#\s]*)(?:#([^)\s]+))?\)")
HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)
TEST = re.compile(r"`(test_\w+)`")
PATH = re.compile(r"`((?:alembic|app|devtools|scripts|template|tests)/[\w./-]*)`")
FOLDER = re.compile(r"\b(?:alembic|app|devtools|docs|scaffold|scripts|tests)/[\w./-]*")
OTHER = r"\[\d+\]\([\w-]+\.md\)"  # a link to another decision
HEAD = re.compile(
    r"# (\d+)\. .+\n\n"
    rf"- Status: (?:accepted|accepted; supersedes {OTHER}|superseded by {OTHER})\n"
    r"- Date: \d{4}-\d\d-\d\d\n"
)
PARTS = ["Context", "Decision", "Alternatives", "Consequences", "Enforced by"]
LINES = range(15, 36)  # of a decision: what needs more is two decisions


def anchors_of(page: Path) -> set[str]:
    """As GitHub makes them from headings."""
    headings = HEADING.findall(page.read_text())
    return {re.sub(r"[^\w -]", "", heading).lower().replace(" ", "-") for heading in headings}


def test_links_outside_the_documentation_lead_somewhere(renders: dict[str, Path]) -> None:
    for page in [*ROOT.glob("*.md"), *renders["default"].rglob("*.md")]:
        for file, anchor in LINK.findall(page.read_text()):
            target = page.parent / file if file else page
            assert target.exists(), f"{page}: {file}"
            assert not anchor or anchor in anchors_of(target), f"{page}: {file}#{anchor}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: f"{page.parent.name}-{page.stem}")
def test_the_files_that_a_page_names_are_there(page: Path, renders: dict[str, Path]) -> None:
    for path in set(PATH.findall(page.read_text())) - new_files(page).keys():
        assert (renders["default"] / path).exists() or (ROOT / path).exists(), path


@pytest.mark.parametrize("diagram", DIAGRAMS, ids=lambda diagram: diagram.stem)
def test_a_diagram_has_a_title_and_names_what_is_there(
    diagram: Path, renders: dict[str, Path]
) -> None:
    svg = ElementTree.parse(diagram).getroot()  # noqa: S314

    assert svg.findtext("{http://www.w3.org/2000/svg}title")
    for path in FOLDER.findall(" ".join(svg.itertext())):
        assert (renders["default"] / path).exists(), path


def test_the_code_in_the_readme_is_that_of_the_example(renders: dict[str, Path]) -> None:
    (block,) = re.findall(r"```python\n(.+?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    parts = re.findall(r"# (app/\S+)\n(.+?)(?=\n# app|$)", block.strip(), re.DOTALL)

    assert len(parts) == 2
    for path, code in parts:
        assert code.strip() in (renders["default"] / path).read_text(), path


def test_every_question_is_explained() -> None:
    table = (ROOT / "docs/start.md").read_text().partition("\n| question |")[2].partition("\n\n")[0]

    assert re.findall(r"`(\w+)`", "".join(row.split("|")[1] for row in table.split("\n")[2:])) == [
        *QUESTIONS
    ]


@pytest.mark.parametrize("page", [PROMISES, ARCHITECTURE, *DECISIONS], ids=lambda page: page.stem)
def test_every_test_that_holds_a_rule_is_there(page: Path, renders: dict[str, Path]) -> None:
    """Without the example, too: no rule goes away with it."""
    folders = [renders["minimal"] / "tests", ROOT / "tests"]
    sources = [path for folder in folders for path in folder.rglob("test_*.py")]
    tests = "".join(path.read_text() for path in sources)

    for name in TEST.findall(page.read_text()):
        assert f"def {name}(" in tests, name


@pytest.mark.parametrize("page", DECISIONS, ids=lambda page: page.stem)
def test_a_decision_has_every_part(page: Path) -> None:
    text = page.read_text()
    head, *parts = text.split("\n## ")
    form = HEAD.fullmatch(head)

    assert form, "a title with its number, then the status and the date"
    assert int(form[1]) == int(page.name[:4])
    assert [part.partition("\n\n")[0] for part in parts] == PARTS
    assert all(part.partition("\n\n")[2].strip() for part in parts)
    assert len(text.splitlines()) in LINES


def test_the_index_lists_every_decision() -> None:
    pages = [page.stem for page in DECISIONS]
    listed = re.findall(r"^(\d+)\. \[.+?\]\(([\w-]+)\.md\)", INDEX.read_text(), re.MULTILINE)
    contents = re.findall(r"^\d{4}-[\w-]+$", INDEX.read_text(), re.MULTILINE)

    assert listed == [(str(int(stem[:4])), stem) for stem in pages]
    assert contents == pages


def test_the_map_shows_every_module(renders: dict[str, Path]) -> None:
    map_of_modules = ARCHITECTURE.read_text()

    for folder in ("app", "app/api", "app/commands", "app/db", "devtools", "scripts"):
        for path in (renders["default"] / folder).glob("*.py"):
            module = path.relative_to(renders["default"])
            assert path.stem == "__init__" or f"`{module}`" in map_of_modules, module


def test_every_rendered_file_has_one_row_that_says_whose_it_is(renders: dict[str, Path]) -> None:
    """And what an update does with it, as `copier.yml` has it."""
    page = (ROOT / "docs/update.md").read_text()
    table = page.partition("\n| files | who changes them | an update |\n")[2].partition("\n\n")[0]
    said = {
        pattern: what
        for cell, what in WHOSE.findall(table)
        for pattern in re.findall("`(.+?)`", cell)
    }
    service = renders["everything"]
    names = [str(path.relative_to(service)) for path in files_of(service)]

    matched = {name: [p for p in said if matches(p, name)] for name in names}

    assert {name: rows for name, rows in matched.items() if len(rows) != 1} == {}
    assert said.keys() == {row for rows in matched.values() for row in rows}
    for name, (row,) in matched.items():
        assert (said[row] == "leaves alone") == bool(LEFT_ALONE.search(name)), name


def test_the_page_on_updates_shows_a_conflict() -> None:
    """Whoever resolves one must not lose its markers here."""
    page = (ROOT / "docs/update.md").read_text()

    assert re.search(r"^<<<<<<< HEAD\n.+\n=======\n.+\n>>>>>>> template-\d", page, re.MULTILINE)


def matches(pattern: str, name: str) -> bool:
    """A folder stands for all that is in it; `*` for the files of one folder."""
    same_depth = pattern.count("/") == name.count("/")
    return (
        name.startswith(pattern)
        if pattern[-1] == "/"
        else same_depth and fnmatch.fnmatchcase(name, pattern)
    )
