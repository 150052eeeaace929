"""What an owner carries has ceilings: lines of Python, and how dense they are.

Raising one needs a decision that says what is bought with it: numbers 28, 30, 35, 36 and 37.
"""

import re
from pathlib import Path

import pytest

from tests.services import ROOT, files_of

# Physical lines in the rendered default.
CEILINGS = {
    "app": 3_165,
    "owner's tests and scripts": 1_800,
    "tests/contract": 3_710,
    "devtools": 1_430,
    "scaffold": 1_755,  # with its templates
}
# What the code had before these ceilings: characters of a line, and lines that are not blank.
CHARACTERS, FILLED = 47.1, 0.846


def room_of(path: Path, service: Path) -> str | None:
    match path.relative_to(service).parts:
        case ("app", *_):
            return "app"
        case ("tests", "contract", *_):
            return "tests/contract"
        case ("tests" | "scripts", *_):
            return "owner's tests and scripts"
        case ("devtools" | "scaffold" as room, *_):
            return room
    return None


@pytest.fixture(scope="session")
def lines(renders: dict[str, Path]) -> dict[str, list[str]]:
    service = renders["default"]
    found: dict[str, list[str]] = {room: [] for room in CEILINGS}
    for path in files_of(service):
        if path.suffix in {".py", ".j2"} and (room := room_of(path, service)):
            found[room] += path.read_text().splitlines()
    return found


@pytest.mark.parametrize("room", CEILINGS)
def test_lines_stay_below_their_ceiling(room: str, lines: dict[str, list[str]]) -> None:
    assert len(lines[room]) <= CEILINGS[room]


def test_the_readme_says_what_an_owner_carries(lines: dict[str, list[str]]) -> None:
    said = re.findall(r"([\d,]+) (?:lines in `app/`|of [\w ]+)", (ROOT / "README.md").read_text())
    app, own, contract, *tools = (len(lines[room]) for room in CEILINGS)

    for number, there in zip(said, [app, own, contract, sum(tools)], strict=True):
        assert abs(int(number.replace(",", "")) - there) <= 50, (number, there)


@pytest.mark.parametrize("room", CEILINGS)
def test_no_code_is_denser_to_have_fewer_lines(room: str, lines: dict[str, list[str]]) -> None:
    filled = [line.strip() for line in lines[room] if line.strip()]

    assert sum(map(len, filled)) / len(filled) <= CHARACTERS
    assert len(filled) / len(lines[room]) <= FILLED
