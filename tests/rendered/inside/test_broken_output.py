"""No reader of the log stops the service: uvicorn runs it, with an output that does not work."""

import asyncio
import json
import os
import resource
import signal
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from httpx import AsyncClient, TransportError

from app.db.session import SessionLocal
from app.models.users import Role
from app.repos import users as user_repo
from tests.accounts import log_in, register
from tests.factories.users import PASSWORD

# The service, and a route with which a test fills the log; in a module of its own.
NOISY = """
import structlog
from app.main import app

@app.get("/noise", status_code=204, response_model=None)
async def noise() -> None:
    structlog.get_logger().info("x" * 50_000)
"""
NOISE = 60  # requests, so three megabytes
LAST = "Finished server process"


class Output:
    """Standard output of a server, which stops working and works again."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "log"
        self.text = ""
        self.readers: list[Thread] = []
        self.open()

    def open(self) -> None:
        """A pipe with a name: when its reader has gone, another one may come."""
        os.mkfifo(self.path)
        self.reader = os.open(self.path, os.O_RDONLY | os.O_NONBLOCK)
        self.stdout = os.open(self.path, os.O_WRONLY)
        os.set_blocking(self.reader, True)

    def read(self) -> None:
        """Collect, in a thread, what is written until the last writer has gone."""

        def collect() -> None:
            while part := os.read(self.reader, 65_536):
                self.text += part.decode()

        self.readers.append(Thread(target=collect))
        self.readers[-1].start()

    def break_of(self, pid: int) -> None: ...

    def mend_of(self, pid: int) -> None: ...

    def lines(self) -> list[dict[str, Any]]:
        """All of them, after the server has ended."""
        os.close(self.stdout)
        for reader in self.readers:
            reader.join(timeout=10)
        return [json.loads(line) for line in self.text.splitlines() if line]


class Stalled(Output):
    """A reader that reads no more. The pipe is full, and the next write waits for ever."""

    def break_of(self, pid: int) -> None:
        os.set_blocking(self.stdout, False)
        try:
            while True:
                os.write(self.stdout, b"\n" * 4096)
        except BlockingIOError:
            os.set_blocking(self.stdout, True)  # the server shares this

    def mend_of(self, pid: int) -> None:
        self.read()


class Gone(Output):
    """EPIPE: the reader has ended. Then another one comes."""

    def break_of(self, pid: int) -> None:
        os.close(self.reader)

    def mend_of(self, pid: int) -> None:
        self.reader = os.open(self.path, os.O_RDONLY)
        self.read()


class Full(Output):
    """A disk without space. A limit of the size of files fails as ENOSPC does, in mid-line too."""

    def open(self) -> None:
        self.stdout = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)

    def break_of(self, pid: int) -> None:
        size = self.path.stat().st_size + 100
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))

    def mend_of(self, pid: int) -> None:
        unlimited = (resource.RLIM_INFINITY, resource.RLIM_INFINITY)
        resource.prlimit(pid, resource.RLIMIT_FSIZE, unlimited)

    def lines(self) -> list[dict[str, Any]]:
        written = self.path.read_text()
        torn = [line for line in written.splitlines() if line[:1] == "{" and line[-1] != "}"]
        assert len(torn) == 1
        self.text = written.replace(torn[0], "")
        return super().lines()


@asynccontextmanager
async def served(
    folder: Path, stdout: int
) -> AsyncIterator[tuple[AsyncClient, subprocess.Popen[bytes]]]:
    port = free_port()
    server = start(folder, port, stdout)
    try:
        async with AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=10) as client:
            await until_it_answers(client)
            yield client, server
    finally:
        server.kill()
        server.wait()


def free_port() -> int:
    with socket.socket() as candidate:
        candidate.bind(("127.0.0.1", 0))
        return int(candidate.getsockname()[1])


def start(folder: Path, port: int, stdout: int) -> subprocess.Popen[bytes]:
    (folder / "noisy.py").write_text(NOISY)
    command = [sys.executable, "-m", "uvicorn", "noisy:app", "--port", str(port)]
    variables = environment(PYTHONPATH=str(folder))
    return subprocess.Popen(command, env=variables, stdin=subprocess.DEVNULL, stdout=stdout)


def environment(**variables: str) -> dict[str, str]:
    return os.environ | {"LOG_FORMAT": "json"} | variables


async def until_it_answers(client: AsyncClient) -> None:
    deadline = time.monotonic() + 30
    while True:
        try:
            await client.get("/health/live")
            return
        except TransportError:
            assert time.monotonic() < deadline
            await asyncio.sleep(0.1)


async def use(client: AsyncClient, email: str) -> int:
    """Register, sign in, and be refused; return how many lines that logs."""
    registered = await register(client, email=email)
    signed_in = await log_in(client, email)
    refused = await client.get("/users/me")

    assert (registered.status_code, signed_in.status_code) == (201, 200)
    assert refused.status_code == 401
    return 5  # a line each, and the two events


def end(server: subprocess.Popen[bytes]) -> None:
    server.send_signal(signal.SIGTERM)
    assert server.wait(timeout=20) == -signal.SIGTERM


@pytest.mark.usefixtures("committing_client")
@pytest.mark.parametrize("kind", [Stalled, Gone, Full])
async def test_line_that_cannot_be_written_is_dropped_and_counted(
    kind: type[Output], tmp_path: Path
) -> None:
    """Denial of service by a full disk, or by a reader that stalls or ends."""
    output = kind(tmp_path)

    async with served(tmp_path, output.stdout) as (client, server):
        output.break_of(server.pid)
        logged = await use(client, "one@example.com")
        for _ in range(NOISE):
            assert (await client.get("/noise")).status_code == 204
        logged += 2 * NOISE + await use(client, "two@example.com")
        output.mend_of(server.pid)
        await client.get("/users/me")
        end(server)

    lines = output.lines()
    arrived = [line for line in lines if "request_id" in line]
    counted = [line["dropped"] for line in lines if line["event"] == "log lines were dropped"]
    assert sum(counted) > 10
    assert len(arrived) + sum(counted) == logged + 1
    assert LAST in lines[-1]["event"]


@pytest.mark.usefixtures("committing_client")
@pytest.mark.parametrize("kind", [Stalled, Gone])
async def test_service_starts_and_ends_without_a_log(kind: type[Output], tmp_path: Path) -> None:
    output = kind(tmp_path)
    output.break_of(0)

    async with served(tmp_path, output.stdout) as (client, server):
        await use(client, "one@example.com")
        end(server)


def printed(code: str, *shell: str) -> list[str]:
    """The lines that a short command logs."""
    command = [*shell, sys.executable, "-c", f"from app import main; import logging, os; {code}"]
    done = subprocess.run(command, env=environment(), stdout=subprocess.PIPE, check=True)
    return [json.loads(line)["event"] for line in done.stdout.splitlines()]


def test_short_command_loses_no_line() -> None:
    code = "[logging.getLogger('x').warning(n) for n in range(2000)]"

    assert printed(code) == [str(n) for n in range(2000)]


def test_forked_process_logs_too() -> None:
    """Each line once. In which order, two processes do not agree."""
    code = """
log = logging.getLogger('x').warning
log('both')
if child := os.fork():
    os.waitpid(child, 0)
log('parent' if child else 'child')
"""

    assert sorted(printed(code)) == ["both", "child", "parent"]


def test_closed_output_drops_the_log() -> None:
    """Its number would be given to the next socket, and the lines sent to the database."""
    shell = ("sh", "-c", 'exec "$@" >&-', "sh")

    assert printed("logging.getLogger('x').warning('lost')", *shell) == []


@pytest.mark.usefixtures("committing_client")
async def test_full_disk_undoes_no_command() -> None:
    """The account is logged before the commit. That the last sentence is lost, comes after it."""
    make_admin("admin@example.com", Path("/dev/full"))

    async with SessionLocal() as db:
        admin = await user_repo.find_by_email(db, "admin@example.com")
    assert admin
    assert admin.role == Role.ADMIN


def make_admin(email: str, output: Path) -> None:
    command = [sys.executable, "-m", "app.commands.create_admin", email]
    variables = environment(PYTHONUNBUFFERED="1")
    with output.open("wb") as stdout:
        subprocess.run(
            command, env=variables, input=PASSWORD, text=True, stdout=stdout, check=False
        )
