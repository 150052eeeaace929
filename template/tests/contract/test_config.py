"""What settings are accepted, and what is said about the others."""

import os
import re
import secrets
from pathlib import Path

import pytest
from pydantic import ValidationError

from app.config import Settings, read_settings
from app.db.connection import connect_args

STRONG = {
    "environment": "production",
    "secret_key": secrets.token_hex(32),
    "database_url": "postgresql://app:pw@db.internal/blog",
}


def test_production_starts_with_strong_settings() -> None:
    settings = Settings.model_validate(STRONG)

    assert not settings.docs


@pytest.mark.parametrize("environment", ["staging", "production"])
@pytest.mark.parametrize(
    "secret_key",
    [
        "",
        "short",
        "a" * 40,
        "change-me-" + "x1y2z3w4v5u6t7s8r9q0" * 2,
        "four words and then some more of them",
        os.environ["SECRET_KEY"],  # that of the tests
    ],
)
def test_a_weak_secret_is_refused_with_the_remedy(environment: str, secret_key: str) -> None:
    weak = STRONG | {"environment": environment, "secret_key": secret_key}

    with pytest.raises(ValidationError, match=r"secrets\.token_hex") as refusal:
        Settings.model_validate(weak)

    assert not secret_key or secret_key not in str(refusal.value)


@pytest.mark.parametrize(
    ("variable", "remedy"),
    [
        ("SECRET_KEY", "SECRET_KEY is missing. Make one: python"),
        ("DATABASE_URL", "DATABASE_URL is missing. Set it to postgresql://"),
    ],
)
def test_production_names_what_is_missing(
    variable: str, remedy: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in STRONG.items():
        monkeypatch.setenv(name.upper(), value)
    monkeypatch.setenv(variable, "")  # as in `.env.example`

    with pytest.raises(ValidationError, match=re.escape(remedy)):
        Settings()


def test_a_bad_setting_is_a_line_that_names_its_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    bad = {"SHUTDOWN_DELAY": "hunter2", "CORS_ORIGINS": "*", "LOG_FORMAT": "pretty"}
    for name, value in bad.items():
        monkeypatch.setenv(name, value)

    with pytest.raises(SystemExit) as refusal:
        read_settings()

    lines = str(refusal.value).splitlines()
    assert len(lines) == 1 + len(bad)
    assert "SHUTDOWN_DELAY: Input should be a valid number" in lines[2]
    assert lines[1].startswith("CORS_ORIGINS takes origins")
    assert lines[3] == "LOG_FORMAT: Input should be 'json' or 'console'"
    assert "hunter2" not in str(refusal.value)


def test_an_env_file_that_is_no_text_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "env"
    file.write_bytes(b"TITLE=\xff")
    monkeypatch.setitem(Settings.model_config, "env_file", file)

    with pytest.raises(SystemExit, match=r"\.env.* cannot be read"):
        read_settings()


def test_the_level_of_the_log_has_any_case(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOG_LEVEL", "debug")

    assert Settings().log_level == "DEBUG"


def test_a_local_process_makes_its_own_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SECRET_KEY")

    first, second = Settings(), Settings()

    assert len(first.secret_key.get_secret_value()) >= 32
    assert first.secret_key != second.secret_key


@pytest.mark.parametrize(
    "pasted",
    [
        "postgres://me:pw@host:5432/db",
        "postgresql://me:pw@host:5432/db",
        "postgresql+asyncpg://me:pw@host:5432/db",
        "postgresql+psycopg2://me:pw@host:5432/db",
    ],
)
def test_a_database_url_is_taken_as_it_is_pasted(pasted: str) -> None:
    url = Settings.model_validate({"database_url": pasted}).database_url

    assert url.render_as_string(False) == "postgresql+asyncpg://me:pw@host:5432/db"


def test_the_parameters_of_libpq_are_translated() -> None:
    pasted = "postgres://me:pw@host/db?sslmode=require&channel_binding=require"

    assert Settings.model_validate({"database_url": pasted}).database_url.query == {
        "ssl": "require"
    }


@pytest.mark.parametrize(
    ("url", "remedy"),
    [
        ("", "must look like"),
        ("mysql://me:hunter2@host/db", "must look like"),
        ("postgresql://me:hunter2@host", "must look like"),
        ("postgresql://me:hunter2@host:port/db", "must look like"),
        ("postgresql://me:hunter2@host/db?pool=1", "no parameter pool"),
        ("postgresql://h/db?password=hunter2", "no parameter password"),
        ("postgresql://h/db?sslmode=true", "sslmode is one of"),
    ],
)
def test_a_database_url_we_cannot_use_is_refused(url: str, remedy: str) -> None:
    with pytest.raises(ValidationError, match=remedy) as refusal:
        Settings.model_validate({"database_url": url})

    assert "hunter2" not in str(refusal.value)


def test_secrets_are_not_printed() -> None:
    settings = Settings.model_validate(STRONG | {"database_url": "postgresql://me:hunter2@h/db"})

    printed = f"{settings} {settings!r} {settings.database_url}"

    assert "hunter2" not in printed
    assert settings.secret_key.get_secret_value() not in printed


def test_origins_are_separated_by_commas(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CORS_ORIGINS", "https://a.example.com, https://b.example.com:8443")

    assert Settings().cors_origins == ["https://a.example.com", "https://b.example.com:8443"]


@pytest.mark.parametrize("origin", ["*", "https://*.example.com", "example.com", "https://a.b/"])
def test_an_origin_is_a_scheme_and_a_host(origin: str) -> None:
    with pytest.raises(ValidationError, match="CORS_ORIGINS takes origins"):
        Settings.model_validate({"cors_origins": origin})


def test_no_wait_for_the_database_is_endless() -> None:
    options = connect_args(Settings())

    limits = ["statement_timeout", "lock_timeout", "idle_in_transaction_session_timeout"]
    assert options["timeout"] == 5
    assert all(0 < int(options["server_settings"][limit]) <= 15_000 for limit in limits)


def test_pgbouncer_gets_no_prepared_statement_and_no_setting() -> None:
    options = connect_args(Settings(database_pgbouncer=True))

    assert options["statement_cache_size"] == options["prepared_statement_cache_size"] == 0
    name = options["prepared_statement_name_func"]
    assert name() != name()
    assert "server_settings" not in options
