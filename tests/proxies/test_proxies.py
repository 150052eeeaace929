"""What stands before the service and before its database: haproxy, nginx, Caddy, PgBouncer.

They are installed for it, as a job of CI does: `apt-get install haproxy nginx pgbouncer`, and a
Caddy of 2.7 or newer.
"""

import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import pytest

from tests.deployments import Deployment, load_on
from tests.pages import new_files
from tests.services import ROOT, answers, environment, free_port, installed, wait_until

HAPROXY = """
defaults
    mode http
    timeout connect 1s
    timeout client 60s
    timeout server 60s
    retries 0
frontend service
    bind 127.0.0.1:{port}
    default_backend replicas
backend replicas
    option httpchk GET /health/ready
    default-server check inter 1s fall 1 rise 1
    server a 127.0.0.1:{a}
    server b 127.0.0.1:{b}
"""
# As docs/deployment.md has it, between what any nginx needs to run as a user.
NGINX = """
daemon off;
pid {folder}/nginx.pid;
error_log {folder}/nginx.log;
events {{}}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
{lines}
}}
"""
PGBOUNCER = """
[databases]
postgres = host={folder} port=5432 user=postgres
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = any
pool_mode = transaction
default_pool_size = 3
"""


@pytest.fixture(scope="module")
def deployment(workspace: Path) -> Iterator[Deployment]:
    deployment = Deployment.of(installed(workspace / "deployment"), workspace / "pg")
    yield deployment
    deployment.database.control("stop")


@pytest.fixture
def short() -> Iterator[Path]:
    """A folder with a short name that all may enter, for PgBouncer, which is never root."""
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


@contextmanager
def program(port: int, *command: str, user: str | None = None) -> Iterator[None]:
    """Run it until the end of the test; it listens on the port."""
    process = subprocess.Popen(command, env=environment(), user=user, stderr=subprocess.DEVNULL)
    try:
        wait_until(lambda: listens(port), 10)
        yield
    finally:
        process.terminate()
        process.wait()


def listens(port: int) -> bool:
    with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
        return True
    return False


def haproxy(folder: Path, port: int, a: int, b: int) -> list[str]:
    configuration = folder / "haproxy.cfg"
    configuration.write_text(HAPROXY.format(port=port, a=a, b=b))
    return ["haproxy", "-q", "-db", "-f", str(configuration)]


def nginx(folder: Path, port: int, a: int, b: int) -> list[str]:
    page = (ROOT / "template/docs/deployment.md.jinja").read_text()
    lines = page.partition("```nginx\n")[2].partition("```")[0]
    assert lines.count("10.0.0.") == 2
    lines = lines.replace("10.0.0.1:8000", f"127.0.0.1:{a}").replace(
        "10.0.0.2:8000", f"127.0.0.1:{b}"
    )
    lines = lines.replace("listen 80;", f"listen 127.0.0.1:{port};")
    configuration = folder / "nginx.conf"
    configuration.write_text(NGINX.format(folder=folder, lines=lines))
    return ["nginx", "-c", str(configuration)]


@pytest.mark.parametrize(("proxy", "delay"), [(haproxy, 3), (nginx, 0)])
def test_rolling_restart_loses_nothing(
    proxy: Callable[[Path, int, int, int], list[str]],
    delay: int,
    deployment: Deployment,
    short: Path,
) -> None:
    """haproxy asks for readiness, and repeats nothing; nginx sends what is refused elsewhere."""
    port, ports = free_port(), (free_port(), free_port())
    with ExitStack() as stack:
        delays = {"SHUTDOWN_DELAY": str(delay)}
        old = [stack.enter_context(deployment.server(port=each, **delays)) for each in ports]
        stack.enter_context(program(port, *proxy(short, port, *ports)))
        wait_until(lambda: answers(f"http://127.0.0.1:{port}/health/live"))
        pool = stack.enter_context(ThreadPoolExecutor())
        load = pool.submit(load_on, port, 20, 15)
        for each, replica in zip(ports, old, strict=True):
            time.sleep(1)
            replica.end()
            stack.enter_context(deployment.server(port=each))
            time.sleep(2)  # it is asked, and found ready
        seen = load.result()

    sys.stderr.write(f"{proxy.__name__}, SHUTDOWN_DELAY={delay}: {seen}\n")
    assert {*seen.statuses} == {200}


def test_next_release_on_one_machine_loses_nothing(deployment: Deployment, short: Path) -> None:
    """Caddy as docs/deploy.md has it: while the only process is replaced, requests wait."""
    port, behind = free_port(), free_port()
    text = new_files(ROOT / "docs/deploy.md")["proxy/Caddyfile"]
    assert "app:8000" in text
    configuration = short / "Caddyfile"
    configuration.write_text(text.replace("app:8000", f"127.0.0.1:{behind}"))
    command = ["caddy", "run", "--adapter", "caddyfile", "--config", str(configuration)]
    os.environ |= {"DOMAIN": f"http://127.0.0.1:{port}", "HOME": str(short)}
    with ExitStack() as stack:
        old = stack.enter_context(deployment.server(port=behind, SHUTDOWN_DELAY="3"))
        stack.enter_context(program(port, *command))
        pool = stack.enter_context(ThreadPoolExecutor())
        load = pool.submit(load_on, port, 20, 15)
        time.sleep(2)
        old.end()
        stack.enter_context(deployment.server(port=behind))
        seen = load.result()

    sys.stderr.write(f"caddy, one process replaced: {seen}\n")
    assert {*seen.statuses} == {200}
    assert seen.slowest < 10


def test_pgbouncer_works_and_without_its_setting_is_named(
    deployment: Deployment, short: Path
) -> None:
    port = free_port()
    configuration = short / "pgbouncer.ini"
    configuration.write_text(PGBOUNCER.format(folder=deployment.database.folder, port=port))
    command = ["pgbouncer", "-q", str(configuration)]
    url = f"postgresql://postgres@127.0.0.1:{port}/postgres"
    with program(port, *command, user=deployment.database.user):
        with deployment.server(DATABASE_URL=url) as without:
            assert {*without.get("/posts").statuses} == {503}
            wait_until(lambda: "Set DATABASE_PGBOUNCER=true." in "".join(without.log), 5)
        with deployment.server(DATABASE_URL=url, DATABASE_PGBOUNCER="true") as behind:
            seen = behind.load("/posts", 20, 2)
            signing_in = behind.load("POST /waits/sign-in", 20, 2)
            lock = "BEGIN; LOCK TABLE posts; SELECT pg_sleep(7); ROLLBACK"
            with ThreadPoolExecutor() as pool:
                locking = pool.submit(deployment.sql, lock)
                time.sleep(1)
                locked = behind.get("/posts")
                locking.result()

    assert {*seen.statuses} == {200}
    assert {*signing_in.statuses} <= {401, 503}
    assert {*locked.statuses} == {503}
    assert locked.slowest < 6
