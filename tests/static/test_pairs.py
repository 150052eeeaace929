"""Every pair of answers is rendered; `test_hygiene.py` looks at each of these renders."""

import re
from pathlib import Path

import yaml

from tests.owners import names_in
from tests.pairs import all_pairs, pairs_in, rows_with_every_pair
from tests.services import FULLY_CHECKED, TEMPLATE

# What none of a service's own checks reads. It has no texts in it but for Markdown, and its linters
# read it in every profile, which is every pair of yes and no.
NO_CODE = re.compile(
    r"\.copier-answers\.yml|\.github/.*|\.gitlab-ci\.yml|\.vscode/.*|.*\.md"
    r"|Dockerfile|\.dockerignore|compose\.yaml"
)


def test_every_pair_of_answers_is_rendered(pair_renders: list[Path]) -> None:
    rows = rows_with_every_pair()

    assert set().union(*map(pairs_in, rows)) == all_pairs()
    assert len(pair_renders) == len(rows)


def test_the_fully_checked_profiles_hold_every_code_that_answers_can_render(
    renders: dict[str, Path], pair_renders: list[Path]
) -> None:
    """Any two answers render the modules of one of them, each as it stands in one of them."""
    checked = [code_of(renders[name]) for name in FULLY_CHECKED]
    for render in pair_renders:
        code = code_of(render)
        assert any(code.keys() == profile.keys() for profile in checked), render
        for name, text in code.items():
            assert any(profile.get(name) == text for profile in checked), f"{render}/{name}"


def code_of(service: Path) -> dict[str, str]:
    """The text of each file; where names are filled in, with their questions instead."""
    code = {}
    answers = yaml.safe_load((service / ".copier-answers.yml").read_text())
    names = [(value, name) for name, value in answers.items() if isinstance(value, str)]
    names.append((answers["slug"].replace("-", "_"), "slug"))
    for path in names_in(service):
        if NO_CODE.fullmatch(path):
            continue
        text = (service / path).read_text()
        if (TEMPLATE / f"{path}.jinja").exists():
            for value, name in sorted(names, key=lambda pair: -len(pair[0])):
                text = re.sub(rf"(?<!\w){re.escape(value)}(?!\w)", f"<{name}>", text)
        code[path] = text
    return code
