"""What the linters of others say of the files that are not Python: nothing."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.services import PROFILES, ROOT, run

SCHEMAS = {
    ".github/workflows/*.yml": "vendor.github-workflows",
    ".github/dependabot.yml": "vendor.dependabot",
    "compose.yaml": "vendor.compose-spec",
    ".gitlab-ci.yml": "vendor.gitlab-ci",
}
REPOSITORIES = [*PROFILES, "this repository"]


@pytest.fixture(params=REPOSITORIES)
def repository(request: pytest.FixtureRequest, renders: dict[str, Path]) -> Path:
    """Each profile's render in turn, and the template's own repository. Read only."""
    return renders.get(request.param, ROOT)


@pytest.mark.parametrize("pattern", SCHEMAS)
def test_configuration_follows_its_schema(pattern: str, repository: Path) -> None:
    files = [str(path) for path in repository.glob(pattern)]

    assert files or repository.name != "everything"
    if files:
        run(repository, "check-jsonschema", "--builtin-schema", SCHEMAS[pattern], *files)


def test_workflows_are_safe(repository: Path) -> None:
    if (repository / ".github").exists():
        run(repository, "zizmor", "--offline", "--no-progress", ".github")


def test_the_dockerfile_is_sound(renders: dict[str, Path]) -> None:
    run(renders["everything"], "hadolint", "Dockerfile")


WORKFLOW = ".github/workflows/ci.yml"
PIN = re.compile(r"uses: (\S+@[0-9a-f]{40} # v[\d.]+)$", re.MULTILINE)


def test_a_service_has_the_actions_of_this_repository(renders: dict[str, Path]) -> None:
    """A bot renews ours; this says that the service's, which it cannot read, are older."""
    ours = set(PIN.findall((ROOT / WORKFLOW).read_text()))
    workflows = list((renders["everything"] / ".github/workflows").iterdir())

    assert ours >= {pin for path in workflows for pin in PIN.findall(path.read_text())}


def test_a_service_has_one_base_image(renders: dict[str, Path]) -> None:
    image = re.compile(r"(?:FROM|image:) (debian:\S+@sha256:[0-9a-f]{64})")
    files = [renders["everything"] / name for name in ("Dockerfile", ".gitlab-ci.yml")]

    assert len({found for path in files for found in image.findall(path.read_text())}) == 1
    assert all(image.search(path.read_text()) for path in files)


def test_our_own_ci_has_the_whole_history() -> None:
    """copier renders from this repository, and warns of a shallow clone."""
    for path in (ROOT / ".github/workflows").iterdir():
        workflow = path.read_text()
        assert workflow.count("actions/checkout@") == workflow.count("fetch-depth: 0"), path


@pytest.mark.parametrize(
    ("file", "old", "new", "command"),
    [
        (WORKFLOW, "contents: read", "contents: write", "zizmor --offline ."),
        (WORKFLOW, "@[0-9a-f]{40} # ", "@", "zizmor --offline ."),
        (
            WORKFLOW,
            "runs-on",
            "run-on",
            f"check-jsonschema --builtin-schema vendor.github-workflows {WORKFLOW}",
        ),
        ("Dockerfile", "rm -rf /var/lib/apt/lists/", "true", "hadolint Dockerfile"),
    ],
)
def test_the_linters_would_see_it(
    file: str, old: str, new: str, command: str, copy_of: Callable[[str], Path]
) -> None:
    service = copy_of("default")
    path = service / file
    text, times = re.subn(old, new, path.read_text())
    assert times
    path.write_text(text)

    with pytest.raises(AssertionError, match=command.split()[0]):
        run(service, *command.split())
