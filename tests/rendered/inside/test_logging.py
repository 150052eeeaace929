"""How log lines look, those of the service and those of libraries."""

import json
import logging
from collections.abc import Iterator

import pytest
import structlog

from app import logging as app_logging
from app.config import Settings, settings

JSON = Settings(log_format="json")


@pytest.fixture(autouse=True)
def original_logging() -> Iterator[None]:
    handlers = logging.root.handlers[:]
    yield
    app_logging.configure(settings)
    logging.root.handlers[:] = handlers


def lines(capfd: pytest.CaptureFixture[str]) -> list[dict[str, object]]:
    return [json.loads(line) for line in capfd.readouterr().out.splitlines()]


def test_every_line_is_json(capfd: pytest.CaptureFixture[str]) -> None:
    app_logging.configure(JSON)

    structlog.get_logger().info("ours", answer=42)
    logging.getLogger("uvicorn.error").warning("theirs: %s", 42)

    ours, theirs = lines(capfd)
    assert (ours["event"], ours["level"], ours["answer"]) == ("ours", "info", 42)
    assert (theirs["event"], theirs["level"]) == ("theirs: 42", "warning")
    assert str(theirs["timestamp"]).endswith("Z")


def test_traceback_has_no_local_variables(capfd: pytest.CaptureFixture[str]) -> None:
    """Information disclosure: passwords are among the local variables."""
    app_logging.configure(JSON)
    local = "canary"

    try:
        raise LookupError
    except LookupError:
        structlog.get_logger().exception("crashed")
        logging.getLogger("library").exception("crashed")

    written = capfd.readouterr().out
    assert written.count("LookupError") == 2
    assert local not in written


def test_level_is_a_setting(capfd: pytest.CaptureFixture[str]) -> None:
    app_logging.configure(Settings(log_level="WARNING", log_format="json"))

    structlog.get_logger().info("quiet")
    logging.getLogger("library").info("quiet")
    structlog.get_logger().warning("loud")

    assert [line["event"] for line in lines(capfd)] == ["loud"]


def test_uvicorn_logs_no_requests() -> None:
    app_logging.configure(settings)

    assert logging.getLogger("uvicorn.access").disabled


def test_console_lines_are_masked(capfd: pytest.CaptureFixture[str]) -> None:
    app_logging.configure(Settings(log_format="console"))

    structlog.get_logger().info("ours", password="canary")

    written = capfd.readouterr().out
    assert "ours" in written
    assert "canary" not in written
