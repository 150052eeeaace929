"""A rendered service, and schemathesis: all checks, all phases, as a user and as an admin."""

import re
from pathlib import Path

import pytest

from tests.services import render, run

SEEDS = [1, 2, 3]


@pytest.mark.rendered
@pytest.mark.parametrize("seed", SEEDS)
def test_schemathesis_finds_nothing(seed: int, workspace: Path) -> None:
    service = workspace / "fuzzed"
    if not service.exists():
        render(service)

    command = ["uv", "run", "poe", "fuzz", "--seed", str(seed), "--max-examples", "20"]
    output = run(service, *command, UV_PROJECT_ENVIRONMENT=str(workspace / "venv"))

    reached = set(re.findall(r"^ +[1-9]\d* of +\d+  (.+)$", output, re.MULTILINE))
    assert {"POST /posts", "GET /posts/{post_id}", "GET /users", "PATCH /users/me"} <= reached
