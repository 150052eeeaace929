"""DATABASE_URL with several servers, and over TLS: what libpq takes, every command takes."""

import asyncio
import os
import signal
import ssl
import struct
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Thread

import pytest

from tests.services import environment, http, installed, outcome, run, running

# A certificate that signs itself: the server's, the client's and the authority's in one.
CERTIFICATE = """
import datetime, ipaddress, pathlib, sys
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

day, now = datetime.timedelta(days=1), datetime.datetime.now(datetime.UTC)
key = ec.generate_private_key(ec.SECP256R1())
name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "postgres")])
address = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))
certificate = (
    x509.CertificateBuilder()
    .subject_name(name)
    .issuer_name(name)
    .public_key(key.public_key())
    .serial_number(x509.random_serial_number())
    .not_valid_before(now - day)
    .not_valid_after(now + day)
    .add_extension(x509.SubjectAlternativeName([address]), critical=False)
    .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
    .sign(key, hashes.SHA256())
)
pem, plain = serialization.Encoding.PEM, serialization.NoEncryption()
pathlib.Path(sys.argv[1]).write_bytes(certificate.public_bytes(pem))
pathlib.Path(sys.argv[2]).write_bytes(
    key.private_bytes(pem, serialization.PrivateFormat.PKCS8, plain)
)
"""


READ_WRITE = "&target_session_attrs=read-write"
WRITING = "SET default_transaction_read_only = off"


@pytest.fixture(scope="module")
def service(workspace: Path) -> Path:
    return installed(workspace / "servers")


@contextmanager
def server(service: Path) -> Iterator[str]:
    """An empty PostgreSQL; its host is a folder. It ends when its standard input does."""
    with subprocess.Popen(
        ["uv", "run", "--no-sync", "python", "devtools", "postgres"],
        cwd=service,
        env=environment(),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout
        yield process.stdout.readline().strip().partition("host=")[2]


@pytest.fixture(scope="module")
def servers(service: Path) -> Iterator[tuple[str, str]]:
    with server(service) as first, server(service) as second:
        for host in (first, second):
            run(service, "uv", "run", "--no-sync", "alembic", "upgrade", "head", **at(host))
        yield first, second


@pytest.fixture
def hosts(service: Path, servers: tuple[str, str]) -> tuple[str, str]:
    """Two servers without accounts. The second one accepts no writes, as a standby does."""
    for host, on in zip(servers, (True, False), strict=True):
        sql(service, WRITING, "TRUNCATE users CASCADE", **at(host))
        accept_writes(service, host, on=on)
    return servers


def at(*hosts: str, more: str = "") -> dict[str, str]:
    return {"DATABASE_URL": f"postgresql://postgres@/postgres?host={','.join(hosts)}{more}"}


def sql(service: Path, *statements: str, **variables: str) -> str:
    command = ["uv", "run", "--no-sync", "poe", "-q", "psql", "-qtA"]
    for statement in statements:
        command += ["-c", statement]
    return run(service, *command, **variables).strip()


def accept_writes(service: Path, host: str, *, on: bool) -> None:
    """And end its connections, as the end of a server does."""
    sql(
        service,
        WRITING,
        f"ALTER SYSTEM SET default_transaction_read_only = {'off' if on else 'on'}",
        "SELECT FROM pg_reload_conf()",
        "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity"
        " WHERE backend_type = 'client backend' AND pid != pg_backend_pid()",
        **at(host),
    )


def admins(service: Path, host: str) -> set[str]:
    return set(sql(service, "SELECT email FROM users", **at(host)).split())


def make_admin(service: Path, name: str, url: dict[str, str]) -> tuple[int, str]:
    command = f"uv run --no-sync python -m app.commands.create_admin {name}@example.com"
    return outcome(service, "bash", "-c", f"echo correct horse battery | {command}", **url)


def test_every_command_follows_the_server_that_accepts_writes(
    service: Path, hosts: tuple[str, str]
) -> None:
    first, second = hosts
    url = at(first, second, more=READ_WRITE)

    assert make_admin(service, "one", url)[0] == 0
    assert admins(service, first) == {"one@example.com"}
    accept_writes(service, first, on=False)
    code, said = make_admin(service, "none", url)
    assert code == 1
    assert "None of the hosts match the target attribute requirement" in said
    assert "Traceback" not in said
    accept_writes(service, second, on=True)

    assert make_admin(service, "two", url)[0] == 0
    assert admins(service, second) == {"two@example.com"}
    assert sql(service, "SHOW data_directory", **url) == second
    run(service, "uv", "run", "--no-sync", "alembic", "downgrade", "-1", **url)
    there = "SELECT to_regclass('posts') IS NOT NULL"
    assert [sql(service, there, **at(host)) for host in hosts] == ["t", "f"]
    run(service, "uv", "run", "--no-sync", "alembic", "upgrade", "head", **url)


def test_a_running_service_follows_too(service: Path, hosts: tuple[str, str]) -> None:
    first, second = hosts
    serve = ("uv", "run", "--no-sync", "uvicorn", "app.main:app", "--port")

    def register(url: str, name: str) -> int:
        body = {"email": f"{name}@example.com", "name": name, "password": "correct horse battery"}
        return http.post(f"{url}/auth/register", json=body).status_code

    with running(service, *serve, **at(first, second, more=READ_WRITE)) as url:
        assert register(url, "one") == 201
        accept_writes(service, first, on=False)
        assert register(url, "none") == 503
        accept_writes(service, second, on=True)
        assert register(url, "two") == 201

    assert [admins(service, host) for host in hosts] == [{"one@example.com"}, {"two@example.com"}]


def test_a_silent_server_does_not_hide_the_next(service: Path, hosts: tuple[str, str]) -> None:
    """A host that lost its power answers nothing, not even that it is closed."""
    first, second = hosts
    accept_writes(service, second, on=True)
    postmaster = int(Path(first, "postmaster.pid").read_text().splitlines()[0])
    os.kill(postmaster, signal.SIGSTOP)
    try:
        code, said = make_admin(service, "one", at(first, second, more=READ_WRITE))
    finally:
        os.kill(postmaster, signal.SIGCONT)

    assert code == 0, said
    assert admins(service, second) == {"one@example.com"}


@pytest.fixture(scope="module")
def certificates(service: Path) -> Path:
    folder = service.with_name("certificates")
    folder.mkdir()
    for name in ("ours", "other"):
        files = (str(folder / f"{name}.crt"), str(folder / f"{name}.key"))
        run(service, "uv", "run", "--no-sync", "python", "-c", CERTIFICATE, *files)
    return folder


@contextmanager
def tls(host: str, certificates: Path) -> Iterator[tuple[str, list[object]]]:
    """Its port and the clients' certificates: it wants one of each, then hands on to the host.

    As the servers of the tests know no TLS, this does what PostgreSQL does: one byte says yes.
    """
    seen: list[object] = []
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=certificates / "ours.crt")
    context.load_cert_chain(certificates / "ours.crt", certificates / "ours.key")
    context.verify_mode = ssl.CERT_REQUIRED

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        assert await reader.readexactly(8) == struct.pack("!ii", 8, 80877103)  # SSLRequest
        writer.write(b"S")
        await writer.start_tls(context)
        seen.append(writer.get_extra_info("peercert"))
        from_server, to_server = await asyncio.open_unix_connection(f"{host}/.s.PGSQL.5432")
        await asyncio.gather(pipe(reader, to_server), pipe(from_server, writer))

    async def pipe(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while data := await reader.read(65_536):
                writer.write(data)
                await writer.drain()
        writer.close()

    loop = asyncio.new_event_loop()
    loop.set_exception_handler(lambda *_: None)  # a refused handshake is what some tests want
    listening = loop.run_until_complete(asyncio.start_server(serve, "127.0.0.1", 0))
    thread = Thread(target=loop.run_forever)
    thread.start()
    try:
        yield str(listening.sockets[0].getsockname()[1]), seen
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        listening.close()
        loop.run_until_complete(asyncio.sleep(0))
        loop.close()


def test_every_command_takes_certificates(
    service: Path, servers: tuple[str, str], certificates: Path
) -> None:
    files = f"&sslrootcert={certificates}/ours.crt&sslcert={certificates}/ours.crt"

    with tls(servers[0], certificates) as (port, seen):
        url = f"postgresql://postgres@127.0.0.1:{port}/postgres?sslmode=verify-full{files}"
        variables = {"DATABASE_URL": f"{url}&sslkey={certificates}/ours.key"}
        run(service, "uv", "run", "--no-sync", "alembic", "check", **variables)
        code, said = make_admin(service, "one", variables)

    assert code == 0, said
    assert all(seen)
    assert len(seen) >= 2


def test_psql_over_tls_is_that_of_the_machine(service: Path, tmp_path: Path) -> None:
    psql = tmp_path / "psql"
    psql.write_text("#!/bin/sh\nenv | grep ^PG\n")
    psql.chmod(0o755)
    parameters = "sslmode=verify-full&sslrootcert=/etc/hosts&connect_timeout=3&application_name=x"
    url = {"DATABASE_URL": f"postgresql://me:pw@a,b:6/db?{parameters}&options=-c%20x.y%3D1"}

    given = sql(service, PATH=f"{tmp_path}:{os.environ['PATH']}", **url)

    assert set(given.splitlines()) >= {
        "PGAPPNAME=x",
        "PGCONNECT_TIMEOUT=3",
        "PGDATABASE=db",
        "PGHOST=a,b",
        "PGOPTIONS=-c x.y=1",
        "PGPASSWORD=pw",
        "PGPORT=5432,6",
        "PGSSLMODE=verify-full",
        "PGSSLROOTCERT=/etc/hosts",
        "PGUSER=me",
    }


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("sslrootcert={0}/other.crt", "certificate verify failed"),
        ("sslrootcert={0}/ours.crt", "connection was closed"),  # it sends none itself
        ("sslrootcert={0}/none.crt", "DATABASE_URL: sslrootcert is the path of a file"),
    ],
)
def test_a_wrong_certificate_is_a_sentence(
    given: str, said: str, service: Path, servers: tuple[str, str], certificates: Path
) -> None:
    """Man in the middle, the first: a server with another certificate is not trusted."""
    with tls(servers[0], certificates) as (port, _):
        url = f"postgresql://postgres@127.0.0.1:{port}/postgres?sslmode=verify-full&{given}"
        variables = {"DATABASE_URL": url.format(certificates)}
        code, output = outcome(service, "uv", "run", "--no-sync", "alembic", "check", **variables)

    assert code != 0
    assert said in output
    assert "Traceback" not in output
