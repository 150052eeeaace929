"""The recipe "read-replica" with a primary and a streaming replica, both real PostgreSQL."""

import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from tests.recipes import apply
from tests.rendered.test_database_servers import at, server, sql
from tests.services import environment, http, installed, run, running, wait_until

# A copy of the primary, as `devtools/postgres.py` runs a server: it ends with its standard input.
REPLICA = """
import subprocess, sys, tempfile
from pathlib import Path

sys.path.insert(0, "devtools")
import postgres

home = Path(tempfile.mkdtemp(prefix="postgres-", dir=postgres._throw_away_folder()))
postgres._make(home)
user = postgres._user(Path(sys.argv[1]).parent)
data = home / "data"
data.mkdir(mode=0o700)
if user is not None:
    postgres.os.chown(data, user, user)
programs, _ = postgres.find_binaries()
if not postgres._reachable(programs / "postgres"):
    programs = postgres._copy(programs, home / "programs")
copy = [f"{programs}/pg_basebackup", "-h", sys.argv[1], "-U", "postgres", "-D", str(data)]
subprocess.run([*copy, "-R", "--no-sync", "-c", "fast"], user=user, group=user, cwd="/", check=True)
(data / ".s.PGSQL.5432.lock").unlink()  # the primary's: its socket is among its data
postgres._start(home, ["-h", "", "-k", str(data), *postgres.NOT_DURABLE], "--remove", str(home))
print(data, flush=True)
sys.stdin.read()
"""
PASSWORD = "correct horse battery staple"  # noqa: S105
FRESH = {"Cache-Control": "no-cache"}


@pytest.fixture(scope="module")
def service(workspace: Path) -> Path:
    folder = installed(workspace / "read-replica")
    apply("read-replica", folder)
    return folder


@contextmanager
def replica_of(primary: str, service: Path) -> Iterator[str]:
    """Its host, a folder. It has standby.signal, and follows the primary."""
    with subprocess.Popen(
        ["uv", "run", "--no-sync", "python", "-c", REPLICA, primary],
        cwd=service,
        env=environment(),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout
        yield process.stdout.readline().strip()


@dataclass
class Cluster:
    service: Path
    primary: str
    replica: str

    def ask(self, host: str, *statements: str) -> str:
        return sql(self.service, *statements, **at(host))

    @contextmanager
    def serving(self, *read_from: str) -> Iterator["Client"]:
        replica = {"DATABASE_REPLICA_URL": at(*read_from)["DATABASE_URL"]}
        serve = ("uv", "run", "--no-sync", "uvicorn", "app.main:app", "--port")
        with running(self.service, *serve, **at(self.primary), **replica) as url:
            yield Client(url)

    @contextmanager
    def lagging(self) -> Iterator[None]:
        """Replication is held back meanwhile."""
        self.ask(self.replica, "SELECT pg_wal_replay_pause()")
        state = "SELECT pg_get_wal_replay_pause_state()"
        wait_until(lambda: self.ask(self.replica, state) == "paused")
        yield
        self.ask(self.replica, "SELECT pg_wal_replay_resume()")


class Client:
    """A user of the service."""

    def __init__(self, url: str) -> None:
        self.url = url
        body = {"email": "a@example.com", "name": "A", "password": PASSWORD}
        http.post(f"{url}/auth/register", json=body)
        self.headers = self.sign_in()

    def sign_in(self) -> dict[str, str]:
        form = {"username": "a@example.com", "password": PASSWORD}
        tokens = http.post(f"{self.url}/auth/token", data=form).json()
        return {"Authorization": f"Bearer {tokens['access_token']}"}

    def me(self, headers: dict[str, str] | None = None) -> int:
        return http.get(f"{self.url}/users/me", headers=headers or self.headers).status_code

    def write(self) -> httpx.Response:
        draft = {"title": "Hello", "body": "World"}
        return http.post(f"{self.url}/posts", json=draft, headers=self.headers, timeout=10)

    def read(self, written: httpx.Response, headers: dict[str, str] | None = None) -> int:
        one = f"{self.url}/posts/{written.json()['id']}"
        return http.get(one, headers=headers).status_code


@pytest.fixture
def cluster(service: Path) -> Iterator[Cluster]:
    with server(service) as primary:
        run(service, "uv", "run", "--no-sync", "alembic", "upgrade", "head", **at(primary))
        with replica_of(primary, service) as replica:
            cluster = Cluster(service, primary, replica)
            assert cluster.ask(replica, "SELECT pg_is_in_recovery()") == "t"
            yield cluster


def stop(host: str) -> None:
    """At once, as a crash does."""
    os.kill(int(Path(host, "postmaster.pid").read_text().splitlines()[0]), signal.SIGQUIT)


def test_reads_come_from_the_replica_and_no_cache_from_the_primary(cluster: Cluster) -> None:
    with cluster.serving(cluster.replica) as client:
        wait_until(lambda: client.me() == 200)
        with cluster.lagging():
            written = client.write()
            assert (client.read(written), client.read(written, FRESH)) == (404, 200)
            new = client.sign_in()
            assert (client.me(new), client.me(new | FRESH)) == (401, 200)

        wait_until(lambda: client.read(written) == 200)
        assert client.me(new) == 200


def test_write_that_waits_for_the_replica_is_read_at_once(cluster: Cluster) -> None:
    cluster.ask(
        cluster.primary,
        "ALTER SYSTEM SET synchronous_standby_names = '*'",
        "ALTER ROLE postgres SET synchronous_commit = remote_apply",
        "SELECT pg_reload_conf()",
    )
    with cluster.serving(cluster.replica) as client:
        assert client.me() == 200
        assert {client.read(client.write()) for _ in range(50)} == {200}


def test_without_the_replica_reads_are_503_and_writes_go_on(cluster: Cluster) -> None:
    with cluster.serving(cluster.replica) as client:
        wait_until(lambda: client.me() == 200)
        stop(cluster.replica)

        written = client.write()
        assert (written.status_code, client.read(written)) == (201, 503)
        assert client.read(written, FRESH) == 200


def test_without_the_replica_reads_go_on_if_the_primary_is_the_second_host(
    cluster: Cluster,
) -> None:
    with cluster.serving(cluster.replica, cluster.primary) as client:
        wait_until(lambda: client.me() == 200)
        stop(cluster.replica)

        assert client.read(client.write()) == 200


def test_without_the_primary_reads_go_on_and_writes_are_503(cluster: Cluster) -> None:
    with cluster.serving(cluster.replica) as client:
        wait_until(lambda: client.me() == 200)
        written = client.write()
        wait_until(lambda: client.read(written) == 200)
        stop(cluster.primary)

        assert (client.write().status_code, client.read(written)) == (503, 200)
        assert http.get(f"{client.url}/health/ready").status_code == 200
