"""schemathesis against a rendered service, by the recipe: all checks and phases, two callers."""

import json
from pathlib import Path

import pytest

from tests.recipes import apply
from tests.services import render, run


@pytest.mark.sample(1)
@pytest.mark.parametrize("number", range(3))
def test_schemathesis_finds_nothing(
    number: int, workspace: Path, pytestconfig: pytest.Config
) -> None:
    service = workspace / "fuzzed"
    if not service.exists():
        render(service)
        apply("schemathesis", service)
    seed = str(pytestconfig.option.seed + number)
    reports = service / f"reports-{seed}"

    command = ["uv", "run", "python", "-m", "scripts.fuzz", "--seed", seed, "--max-examples", "20"]
    of_the_shell = {"http_proxy": "http://127.0.0.1:1", "DOCS_ENABLED": "false"}
    run(service, *command, "--report", "json", "--report-dir", str(reports), **of_the_shell)

    reached = accepted_in(reports)
    assert {"POST /posts", "GET /posts/{post_id}", "GET /users", "PATCH /users/me"} <= reached


def accepted_in(reports: Path) -> set[str]:
    """The operations that accepted a request. One that refused all was hardly tested."""
    rates = [json.loads(path.read_text())["valid_rates"] for path in reports.glob("*.json")]
    assert len(rates) == 2, "a user and an admin"
    return {
        operation
        for of_caller in rates
        for operation, phases in of_caller.items()
        if any(counts["accepted"] for counts in phases.values())
    }
