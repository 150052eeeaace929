"""A rendered service, and schemathesis: all checks, all phases, as a user and as an admin."""

import re
from pathlib import Path

import pytest

from tests.services import render, run


@pytest.mark.sample(1)
@pytest.mark.parametrize("number", range(3))
def test_schemathesis_finds_nothing(
    number: int, workspace: Path, pytestconfig: pytest.Config
) -> None:
    service = workspace / "fuzzed"
    if not service.exists():
        render(service)
    seed = str(pytestconfig.option.seed + number)

    command = ["uv", "run", "poe", "fuzz", "--seed", seed, "--max-examples", "20"]
    of_the_shell = {"http_proxy": "http://127.0.0.1:1", "DOCS_ENABLED": "false"}
    output = run(service, *command, **of_the_shell)

    reached = set(re.findall(r"^ +[1-9]\d* of +\d+  (.+)$", output, re.MULTILINE))
    assert {"POST /posts", "GET /posts/{post_id}", "GET /users", "PATCH /users/me"} <= reached
