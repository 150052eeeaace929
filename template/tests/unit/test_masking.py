"""What never reaches a log."""

from typing import Any

import pytest

from app.masking import MASK, mask

CANARY = "canary-3f9a"


@pytest.mark.parametrize(
    "line",
    [
        {"password": CANARY},
        {"new_password": CANARY},
        {"event": f"Authorization: Basic {CANARY}"},
        {"Authorization": CANARY},
        {"user": {"refresh_token": CANARY}},
        {"headers": [{"set-cookie": CANARY}]},
        {"tokens": [CANARY]},
        {"event": f"GET / with bearer {CANARY}"},
        {"event": f"{CANARY}@example.com signed in"},
        {"event": f"postgresql://me:{CANARY}@host/db does not answer"},
        {"error": ValueError(f"eyJhbGciOi.eyJzdWIiOi.{CANARY}")},
    ],
)
def test_a_secret_is_masked(line: dict[str, Any]) -> None:
    masked = str(mask(None, "info", line))

    assert CANARY not in masked
    assert MASK in masked


def test_the_rest_is_left_alone() -> None:
    line = {"event": "request", "status": 200, "ok": True, "route": None, "ids": [1, "a"], "n": 0.5}

    assert mask(None, "info", line) == line
