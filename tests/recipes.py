"""The recipes, as a reader applies them: block by block, as each page says."""

import re
from dataclasses import dataclass
from pathlib import Path

from tests.services import ROOT, run

RECIPES = ROOT / "docs/recipes"
# Read from the index, because the test of all recipes follows its order: migrations build on each
# other.
NAMES = re.findall(
    r"^[\w-]+$", (RECIPES / "index.md").read_text().partition("```{toctree}")[2], re.M
)

# What proves a recipe beside, or instead of, a test that it adds to the service.
PROVED_BY = {
    "failover": "tests/rendered/test_failover.py",
    "read-replica": "tests/rendered/test_read_replica.py",
    "schemathesis": "tests/rendered/test_fuzz.py",
}

FENCE = re.compile(r"^```(?P<kind>\S*)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)
PATH = re.compile(r"(?:\A|\n)(?:[A-Z][\w ]*: )?`([\w./-]+)`:\n{1,2}\Z")
# Alembic puts the time into the name of the file.
NEW_REVISION = re.compile(r"alembic/versions/\*\w+\.py")
CHANGED = re.compile(r"^\+\+\+ b/(.+)$", re.MULTILINE)


@dataclass
class Block:
    """What a reader copies: a new file with its path, a `diff`, or commands (`sh`)."""

    kind: str
    text: str
    path: str | None

    @property
    def files(self) -> list[str]:
        return [self.path] if self.path else CHANGED.findall(self.text)

    def apply(self, service: Path) -> None:
        if self.kind == "sh":
            run(service, "sh", "-ec", self.text)
        elif self.kind == "diff":
            patch = service.with_suffix(".diff")
            patch.write_text(NEW_REVISION.sub(lambda name: the_only(service, name[0]), self.text))
            run(service, "git", "apply", str(patch))
        else:
            new = service / str(self.path)
            assert not new.exists(), f"{self.path} is there already"
            new.write_text(self.text)


def the_only(service: Path, pattern: str) -> str:
    (found,) = service.glob(pattern)
    return str(found.relative_to(service))


def blocks_of(name: str) -> list[Block]:
    page = (RECIPES / f"{name}.md").read_text()
    found = []
    for fence in FENCE.finditer(page):
        path = PATH.search(page[: fence.start()])
        found.append(Block(fence["kind"], fence["text"], path[1] if path else None))
    return found


def own_tests_of(name: str) -> list[str]:
    paths = [path for block in blocks_of(name) for path in block.files]
    return [path for path in paths if Path(path).name.startswith("test_")]


def apply(name: str, service: Path) -> None:
    for block in blocks_of(name):
        block.apply(service)
