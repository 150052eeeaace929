"""Which settings are accepted, and what is said about the others."""

import os
import secrets
from pathlib import Path

import pytest
from httpx import ASGITransport, AsyncClient
from pydantic import ValidationError
from sqlalchemy import NullPool, text
from sqlalchemy.ext.asyncio import create_async_engine

from app.config import Settings, read_settings, settings
from app.db.connection import connect_args
from app.main import create_app

STRONG = {
    "ENVIRONMENT": "production",
    "SECRET_KEY": secrets.token_hex(32),
    "DATABASE_URL": "postgresql://app:pw@db.internal/blog",
}


@pytest.fixture(autouse=True)
def production(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in STRONG.items():
        monkeypatch.setenv(name, value)


async def test_production_serves_no_docs() -> None:
    """Information disclosure."""
    app = create_app(read_settings())

    async with AsyncClient(transport=ASGITransport(app=app), base_url="http://test") as client:
        for path in ("/docs", "/redoc", "/openapi.json"):
            assert (await client.get(path)).status_code == 404


@pytest.mark.parametrize("environment", ["staging", "production"])
@pytest.mark.parametrize(
    "key",
    ["x1y2z3w4v5u6t7", "a1" * 20, "change-me-x1y2z3w4v5u6t7s8r9q0a0", os.environ["SECRET_KEY"]],
)
def test_weak_secret_key_is_refused(
    environment: str, key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Brute force: with the key an attacker signs tokens of every user."""
    monkeypatch.setenv("ENVIRONMENT", environment)
    monkeypatch.setenv("SECRET_KEY", key)

    with pytest.raises(ValidationError, match=r"secrets\.token_hex") as refusal:
        Settings()

    assert key not in str(refusal.value)


@pytest.mark.parametrize(
    ("name", "value", "remedy"),
    [
        ("SECRET_KEY", "", "SECRET_KEY is missing. Make one: python"),
        ("DATABASE_URL", "", "DATABASE_URL is missing. Set it to postgresql://"),
        ("DATABASE_URL", "mysql://me:hunter2@host/db", "must look like"),
        ("DATABASE_URL", "postgresql://me:hunter2@host", "must look like"),
        ("DATABASE_URL", "postgresql://me:hunter2@host:port/db", "must look like"),
        ("DATABASE_URL", "postgresql://me:hunter2@host:99999/db", "must look like"),
        ("DATABASE_URL", "hunter2", "must look like"),
        ("DATABASE_URL", "postgresql://h/db?password=hunter2", "no parameter password"),
        ("DATABASE_URL", "postgresql://me:hunter2@h/db?sslmode=true", "sslmode is one of"),
        ("DATABASE_URL", "postgresql://h/db?sslrootcert=/hunter2", "sslrootcert is the path of"),
        ("CORS_ORIGINS", "*", "CORS_ORIGINS takes origins"),
        ("CORS_ORIGINS", "https://*.example.com", "CORS_ORIGINS takes origins"),
        ("CORS_ORIGINS", "https://a.b, https://hunter2/", "CORS_ORIGINS takes origins"),
        ("SHUTDOWN_DELAY", "hunter2", "SHUTDOWN_DELAY: Input should be a valid number"),
    ],
)
def test_wrong_setting_is_refused_with_the_remedy(
    name: str, value: str, remedy: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, value)

    with pytest.raises(SystemExit) as refusal:
        read_settings()

    _, line = str(refusal.value).splitlines()
    assert line.startswith(name)
    assert remedy in line
    assert "hunter2" not in f"{line} {refusal.value.__context__}"


def test_every_missing_setting_is_a_line(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("SECRET_KEY", "DATABASE_URL"):
        monkeypatch.delenv(name)

    with pytest.raises(SystemExit) as refusal:
        read_settings()

    _, *lines = str(refusal.value).splitlines()
    assert [line.partition(" is missing")[0] for line in lines] == ["SECRET_KEY", "DATABASE_URL"]


def test_env_file_that_is_no_text_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "env"
    file.write_bytes(b"TITLE=\xff")
    monkeypatch.setitem(Settings.model_config, "env_file", file)

    with pytest.raises(SystemExit, match=r"\.env.* cannot be read"):
        read_settings()


@pytest.mark.parametrize("name", ["missing", "."])
def test_env_file_that_is_not_there_is_named(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ENV_FILE", str(tmp_path / name))

    with pytest.raises(SystemExit, match=f"ENV_FILE names, cannot be read: .*{tmp_path.name}"):
        read_settings()


def test_local_process_makes_its_own_secret_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ENVIRONMENT", "local")
    monkeypatch.delenv("SECRET_KEY")

    first, second = Settings(), Settings()

    assert len(first.secret_key.get_secret_value()) >= 32
    assert first.secret_key != second.secret_key


def test_lists_and_levels_are_read_from_text(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CORS_ORIGINS", "https://a.example.com, https://b.example.com:8443")
    monkeypatch.setenv("LOG_LEVEL", "debug")

    settings = read_settings()

    assert settings.cors_origins == ["https://a.example.com", "https://b.example.com:8443"]
    assert settings.log_level == "DEBUG"


def test_pasted_database_url_is_made_fit_for_asyncpg(monkeypatch: pytest.MonkeyPatch) -> None:
    pasted = "postgres://me:pw@host:5432/db?sslmode=require&channel_binding=require"
    monkeypatch.setenv("DATABASE_URL", pasted)

    url = read_settings().database_url

    assert url.render_as_string(False) == "postgresql+asyncpg://me:pw@host:5432/db?ssl=require"


def test_several_hosts_and_a_certificate_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", f"postgresql://me@a,b:6/db?sslrootcert={__file__}")

    query = read_settings().database_url.query

    assert query == {"host": "a,b", "port": "5432,6", "sslrootcert": __file__}


def test_every_wait_for_the_database_has_a_timeout() -> None:
    options = connect_args(Settings())

    limits = ["statement_timeout", "lock_timeout", "idle_in_transaction_session_timeout"]
    assert options["timeout"] == 3
    assert all(0 < int(options["server_settings"][limit]) <= 15_000 for limit in limits)


async def test_next_host_is_asked_and_the_url_names_the_connection() -> None:
    """Failover: nothing listens at the first host."""
    args = settings.database_url.translate_connect_args() | settings.database_url.query
    hosts, ports = f"127.0.0.1,{args['host']}", f"1,{args.get('port', 5432)}"
    query = {"host": hosts, "port": ports, "application_name": "named"}
    url = settings.database_url.set(database="postgres").update_query_dict(query)
    options = connect_args(Settings(database_url=url))

    engine = create_async_engine(url, poolclass=NullPool, connect_args=options)
    async with engine.connect() as connection:
        name = await connection.scalar(text("SELECT current_setting('application_name')"))

    assert name == "named"


def test_pgbouncer_gets_no_prepared_statement_and_no_setting() -> None:
    options = connect_args(Settings(database_pgbouncer=True))

    assert options["statement_cache_size"] == options["prepared_statement_cache_size"] == 0
    assert options["prepared_statement_name_func"]() != options["prepared_statement_name_func"]()
    assert "server_settings" not in options
