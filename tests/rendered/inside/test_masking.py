"""Every form in which a secret is recognised, and hidden from the log."""

import json
from time import perf_counter
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
        {"changes": {f"{CANARY}@example.com": 1}},
        {"event": f"GET / with bearer {CANARY}"},
        {"event": f"{CANARY}@example.com signed in"},
        {"event": f"postgresql://me:{CANARY}@host/db does not answer"},
        {"event": f"GET /x?a=1&api_key={CANARY}&b=2"},
        {"event": f"password={CANARY}"},
        {"event": f"new_password: '{CANARY} of two words', next"},
        {"event": str({"refresh_token": CANARY})},
        {"event": json.dumps({"client_secret": f"{CANARY}, {CANARY}"})},
        {"event": f"DATABASE_URL = {CANARY}"},
        {"event": f"a hash: $argon2id$v=19$m=65536,t=3,p=4${CANARY}${CANARY}"},
        {"event": f"refused\nDETAIL:  Failing row contains (1, {CANARY}).\n[SQL: INSERT"},
        {"event": f"refused\nDETAIL:  Failing row contains (two\nlines {CANARY}).\n[SQL: INSERT"},
        {"event": json.dumps({"password": f'a "quoted" {CANARY}'})},
        {"event": str({"password": f'it\'s "quoted" {CANARY}'})},
        {"error": ValueError(f"eyJhbGciOi.eyJzdWIiOi.{CANARY}")},
    ],
)
def test_secret_is_masked(line: dict[str, Any]) -> None:
    """Information disclosure."""
    masked = str(mask(None, "info", line))

    assert CANARY not in masked
    assert MASK in masked


def test_other_values_stay() -> None:
    line = {"event": "request", "status": 200, "ok": True, "route": None, "ids": [1, "a"], "n": 0.5}
    line |= {"email_id": 7, "prompt_tokens": 532, "token_seconds": 0.5}  # a number is no secret

    assert mask(None, "info", line) == line


def test_text_around_a_secret_stays() -> None:
    line = {"event": "POST /x?api_key=a&page=2 refused\nDETAIL:  Key (email)=(a).\n[SQL: SELECT]"}

    masked = "POST /x?api_key=***&page=2 refused\nDETAIL:  ***\n[SQL: SELECT]"
    assert mask(None, "info", line) == {"event": masked}


@pytest.mark.parametrize("text", ["x" * 50_000, "eyJ" * 15_000, "password" * 5_000])
def test_long_text_is_searched_in_linear_time(text: str) -> None:
    """ReDoS: half a minute, if every letter were the beginning of an attempt."""
    started = perf_counter()

    assert mask(None, "info", {"event": text}) == {"event": text}
    assert perf_counter() - started < 5
