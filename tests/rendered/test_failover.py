"""The page "failover": a standby is promoted, and a running service goes on by itself."""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.rendered.test_database_servers import READ_WRITE, at, server, sql
from tests.rendered.test_read_replica import Client, replica_of, stop
from tests.services import http, installed, run, running, wait_until


@pytest.fixture(scope="module")
def service(workspace: Path) -> Path:
    return installed(workspace / "failover")


@pytest.fixture
def hosts(service: Path) -> Iterator[tuple[str, str]]:
    """A primary and its standby."""
    with server(service) as primary:
        run(service, "uv", "run", "--no-sync", "alembic", "upgrade", "head", **at(primary))
        with replica_of(primary, service) as standby:
            yield primary, standby


@contextmanager
def serving(service: Path, *hosts: str, more: str = "") -> Iterator[Client]:
    serve = ("uv", "run", "--no-sync", "uvicorn", "app.main:app", "--port")
    with running(service, *serve, **at(*hosts, more=READ_WRITE + more)) as url:
        yield Client(url)


def promote(service: Path, standby: str) -> None:
    assert sql(service, "SELECT pg_promote()", **at(standby)) == "t"


def replicated(service: Path, standby: str) -> bool:
    return sql(service, "SELECT count(*) FROM posts", **at(standby)) == "1"


def test_service_follows_the_promoted_standby(service: Path, hosts: tuple[str, str]) -> None:
    primary, standby = hosts
    with serving(service, *hosts) as client:
        before = client.write()
        wait_until(lambda: replicated(service, standby))
        stop(primary)

        refused = client.write()
        assert (refused.status_code, refused.headers["retry-after"]) == (503, "1")
        assert client.read(before) == 503
        assert http.get(f"{client.url}/health/ready").status_code == 503
        assert http.get(f"{client.url}/health/live").status_code == 200
        promote(service, standby)

        after = client.write()
        assert after.status_code == 201
        assert (client.read(before), client.read(after), client.me()) == (200, 200, 200)


def test_primary_that_is_silent_is_left_too(service: Path, hosts: tuple[str, str]) -> None:
    """After a loss of power it does not even say that a connection is closed."""
    primary, standby = hosts
    with serving(service, *hosts, more="&connect_timeout=1") as client:
        client.write()
        wait_until(lambda: replicated(service, standby))
        with silent(primary):
            promote(service, standby)

            assert client.write().status_code == 201


@contextmanager
def silent(host: str) -> Iterator[None]:
    """All of its processes are stopped meanwhile, those of open connections too."""
    postmaster = Path(host, "postmaster.pid").read_text().splitlines()[0]
    of_connections = run(Path(host), "pgrep", "-P", postmaster).split()
    for pid in (postmaster, *of_connections):
        os.kill(int(pid), signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in (postmaster, *of_connections):
            os.kill(int(pid), signal.SIGCONT)
