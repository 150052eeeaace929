"""Every form in which a database URL is pasted: for when `app/db/url.py` changes."""

import socket
from pathlib import Path
from time import perf_counter
from urllib.parse import urlencode

import pytest

from app.config import Settings
from app.db.connection import connect, connect_args
from app.db.url import parse_database_url


@pytest.mark.parametrize(
    "scheme",
    [
        "postgres",
        "postgresql",
        "postgresql+asyncpg",
        "postgresql+psycopg",
        "postgresql+psycopg2",
    ],
)
def test_every_scheme_of_postgresql_becomes_that_of_asyncpg(scheme: str) -> None:
    url = parse_database_url(f"  {scheme}://me:pw@host:5432/db ")

    assert url.render_as_string(False) == "postgresql+asyncpg://me:pw@host:5432/db"


@pytest.mark.parametrize(
    ("url", "hosts", "ports"),
    [
        ("postgresql://u:p@a:1,b:2/db", "a,b", "1,2"),  # libpq's
        ("postgresql://u:p@a,b:2/db?application_name=x", "a,b", "5432,2"),
        ("postgresql://u:p/w@a,b/db", "a,b", "5432,5432"),
        ("postgresql://u:p@[::1]:1,[::2]/db", "::1,::2", "1,5432"),
        ("postgresql:///db?host=a:1&host=b:2", "a,b", "1,2"),  # SQLAlchemy's
        ("postgresql:///db?host=a:1,b", "a,b", "1,5432"),
        ("postgresql:///db?host=a,b&port=1,2", "a,b", "1,2"),  # of both
        ("postgresql:///db?host=/run,b", "/run,b", "5432,5432"),
    ],
)
def test_several_hosts_are_read_in_every_form(url: str, hosts: str, ports: str) -> None:
    parsed = parse_database_url(url)

    assert (parsed.query["host"], parsed.query["port"]) == (hosts, ports)
    _, arguments = parsed.get_dialect()().create_connect_args(parsed)
    assert arguments["host"] == hosts.split(",")
    assert arguments["port"] == [int(port) for port in ports.split(",")]
    assert parsed == parse_database_url(parsed.render_as_string(False))


def test_a_comma_in_a_password_is_no_list_of_hosts() -> None:
    url = parse_database_url("postgresql://u:a,b@h/db")

    assert (url.host, url.password) == ("h", "a,b")


def test_parameters_of_libpq_are_kept(tmp_path: Path) -> None:
    file = tmp_path / "root.crt"
    file.touch()
    query = {
        "application_name": "a b",
        "connect_timeout": "3",
        "options": "-c statement_timeout=60000",
        "sslcert": str(file),
        "sslkey": str(file),
        "sslmode": "verify-full",
        "sslrootcert": str(file),
        "target_session_attrs": "read-write",
    }

    url = parse_database_url(f"postgresql://h/db?{urlencode(query)}")

    ssl = {"ssl": query.pop("sslmode")}
    assert dict(url.query) == query | ssl
    assert url == parse_database_url(url.render_as_string(False))


def test_what_the_url_sets_goes_before_our_own_limits() -> None:
    url = parse_database_url("postgresql://h/db?options=-c%20statement_timeout%3D60000")

    limits = connect_args(Settings(database_url=url))["server_settings"]

    assert limits.keys() == {
        "application_name",
        "lock_timeout",
        "idle_in_transaction_session_timeout",
    }


async def test_hosts_share_the_timeout() -> None:
    """Pool exhausted: while no server answers, a request would wait for each in turn."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        ports = [silent.getsockname()[1]] * 2
        started = perf_counter()
        with pytest.raises(TimeoutError):
            await connect(host=["127.0.0.1"] * 2, port=ports, user="me", timeout=1)

    assert perf_counter() - started < 1.5


@pytest.mark.parametrize(
    ("url", "remedy"),
    [
        ("", "must look like"),
        ("hunter2", "must look like"),
        ("mysql://me:hunter2@host/db", "must look like"),
        ("postgresql://me:hunter2@host:99999/db", "must look like"),
        ("postgresql://me:hunter2@host:0/db", "must look like"),
        ("postgresql://me:hunter2@one:5432,two:99999/db", "must look like"),
        ("postgresql+pg8000://me:hunter2@host/db", "must look like"),
        ("postgresql://me:hunter2@host", "must look like"),
        ("postgresql://me:hunter2@host/", "must look like"),
        ("postgresql://me:hunter2@host:port/db", "must look like"),
        ("postgresql://me:hunter2@host/db?pool=1", "no parameter pool"),
        ("postgresql://h/db?password=hunter2", "no parameter password"),
        ("postgresql://me:hunter2@h/db?sslmode=true", "sslmode is one of"),
        ("postgresql://me:hunter2@h/db?sslmode=require&sslmode=disable", "sslmode is one of"),
        ("postgresql://h/db?sslrootcert=/hunter2", "sslrootcert is the path of a file"),
        ("postgresql://h/db?sslcert=hunter2", "sslcert is the path of a file"),
        ("postgresql://h/db?sslkey=hunter2", "sslkey is the path of a file"),
        ("postgresql://h/db?sslpassword=hunter2", "no parameter sslpassword"),
        ("postgresql://h/db?connect_timeout=0", "connect_timeout is one of 1, 2, 3"),
        ("postgresql://h/db?target_session_attrs=prefer-standby", "target_session_attrs is one of"),
        ("postgresql://me:hunter2@h/db?port=no", "must look like"),
        ("postgresql://me:hunter2@a:1,b:no/db", "several: HOST:PORT,HOST:PORT"),
        ("postgresql://me:hunter2@a:1,b:2", "must look like"),
        ("postgresql://me:hunter2@a:1,/db", "must look like"),
        ("postgresql:///db?host=a,b&port=1&user=hunter2", "several: HOST:PORT,HOST:PORT"),
    ],
)
def test_other_url_is_refused_without_its_password(url: str, remedy: str) -> None:
    """Information disclosure."""
    with pytest.raises(ValueError, match=remedy) as refusal:
        parse_database_url(url)

    assert "hunter2" not in str(refusal.value)
