"""What a shell has set for other work breaks no command of a service, or the command says so."""

import json
import re
from pathlib import Path

import pytest

from tests.services import git_commit, outcome, render, run, running

pytestmark = pytest.mark.rendered

# For somebody else's server: asyncpg, libpq or PostgreSQL itself reads each.
PROXY = {"HTTP_PROXY": "http://127.0.0.1:1", "http_proxy": "http://127.0.0.1:1"}


@pytest.fixture(scope="module")
def service(workspace: Path) -> Path:
    folder = render(workspace / "shells")
    git_commit(folder)
    run(folder, "uv", "sync", "--locked", "--quiet")
    run(folder, "uv", "run", "poe", "migrate")  # writes `.env`
    return folder


def test_the_health_check_of_the_image_asks_no_proxy(service: Path) -> None:
    dockerfile = (service / "Dockerfile").read_text()
    check = re.search(r"^HEALTHCHECK .*\n +CMD (.+)$", dockerfile, re.MULTILINE)
    assert check
    serve = ("uv", "run", "uvicorn", "app.main:app", "--port")

    with running(service, *serve) as url:
        command = check[1].replace("8000", url.rpartition(":")[2])
        run(service, "uv", "run", *json.loads(command), **PROXY)

    assert outcome(service, "uv", "run", *json.loads(command), **PROXY)[0] == 1
