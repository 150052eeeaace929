"""Fault injection, and what clients saw: `nox -s faults` prints all of it as a table.

With FAULTS_OF=0.7.2 it is that of an older release, and what it failed then is a failure.
"""

import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import copier
import httpx
import pytest

from tests.deployments import OWN_LIMIT, POOL, Deployment, Link, awkward_clients
from tests.releases import clone_with_releases
from tests.services import answers, environment, free_port, git_commit, installed, run, wait_until

RELEASE = os.environ.get("FAULTS_OF", "")


@pytest.fixture(scope="module")
def deployment(workspace: Path) -> Iterator[Deployment]:
    service = workspace / "deployment"
    if RELEASE:
        template = clone_with_releases(workspace / "releases")
        copier.run_copy(str(template), service, defaults=True, vcs_ref=RELEASE, quiet=True)
        git_commit(service)
        run(service, "uv", "sync", "--locked", "--quiet")
    else:
        installed(service)
    deployment = Deployment.of(service, workspace / "pg", "" if RELEASE else OWN_LIMIT)
    yield deployment
    deployment.database.control("stop")


@dataclass(frozen=True)
class Row:
    seen: str
    kept: bool  # the promise


type Fault = Callable[[Deployment], Row]
FAULTS: dict[str, Fault] = {}
TARGETS: dict[str, str] = {}


def fault(what: str, target: str) -> Callable[[Fault], Fault]:
    def add(happen: Fault) -> Fault:
        FAULTS[what], TARGETS[what] = happen, target
        return happen

    return add


@pytest.mark.sample(4)
@pytest.mark.parametrize("what", FAULTS)
def test_fault_is_survived(
    what: str, deployment: Deployment, record_property: Callable[[str, object], None]
) -> None:
    row = FAULTS[what](deployment)

    verdict = "kept" if row.kept else "BROKEN"
    record_property("fault", f"| {what} | {row.seen} | {TARGETS[what]} | {verdict} |")
    assert row.kept, row.seen


@fault("silent database, no connection yet", "503 within 6 s, 200 as soon as it answers")
def silent_cold(deployment: Deployment) -> Row:
    with deployment.server() as server:
        with deployment.database.silent():
            seen = server.get("/posts", "/health/ready")
        after = server.get("/posts", "/health/ready")
    kept = seen.statuses.keys() == {503} and seen.slowest < 6 and not after.refused
    return Row(f"{seen}; then {after}", kept)


@fault("silent database, connections in the pool", "503 within 6 s on every route, twice")
def silent_warm(deployment: Deployment) -> Row:
    with deployment.server() as server:
        server.get(*["/waits/query?seconds=0.2"] * POOL)
        with deployment.database.silent():
            first = server.get("/posts", "/posts/1", "/waits/query", "/health/ready")
            second = server.get(*["/posts"] * 20)
        after = server.get(*["/posts"] * 20)
    silent = {*first.statuses, *second.statuses}
    kept = silent == {503} and max(first.slowest, second.slowest) < 6 and not after.refused
    return Row(f"{first}; again: {second}; then {after}", kept)


@fault("silent database in the middle of a statement", "503 within 6 s")
def silent_in_a_statement(deployment: Deployment) -> Row:
    with deployment.server() as server:
        server.get("/posts")
        with ThreadPoolExecutor() as pool:
            waiting = pool.submit(server.get, *["/waits/query?seconds=1"] * 5)
            time.sleep(0.5)
            with deployment.database.silent():
                seen = waiting.result()
        after = server.get(*["/posts"] * 20)
    kept = seen.statuses.keys() == {503} and seen.slowest < 6 and not after.refused
    return Row(f"{seen}; then {after}", kept)


@fault("all connections of the pool die in silence", "nobody is refused, 2 s once, then nothing")
def connections_die(deployment: Deployment) -> Row:
    link = Link(deployment.database)
    with deployment.server(DATABASE_URL=link.url) as server:
        server.get(*["/waits/query?seconds=0.2"] * POOL)
        link.cut()
        first = server.get(*["/posts"] * POOL)
        second = server.get(*["/posts"] * 2 * POOL)
    kept = not first.refused and not second.refused and first.slowest < 2 and second.slowest < 1
    return Row(f"{first}; again: {second}", kept)


@fault("one request with eight statements of 0.9 s", "503 within 6 s")
def many_statements(deployment: Deployment) -> Row:
    with deployment.server() as server:
        seen = server.get("/waits/query?seconds=0.9&times=8")
        after = server.get("/posts")
    return Row(str(seen), {*seen.statuses} == {503} and seen.slowest < 6 and not after.refused)


@fault("the same on a route with a limit of its own, and a stream", "200 for both")
def own_limits(deployment: Deployment) -> Row:
    with deployment.server() as server:
        seen = server.get("/waits/report", "/waits/stream?times=130")
    return Row(str(seen), not seen.refused)


@fault("a client that takes 7 s to send a body", "200")
def slow_upload(deployment: Deployment) -> Row:
    head = (
        b"POST /waits/upload HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 7\r\n\r\n"
    )
    with (
        deployment.server() as server,
        socket.create_connection(("127.0.0.1", server.port)) as client,
    ):
        client.sendall(head)
        for _ in range(7):
            client.sendall(b"x")
            time.sleep(1)
        seen = client.recv(1000).partition(b"\r\n")[0].decode()
    return Row(seen, seen == "HTTP/1.1 200 OK")


@fault("SIGTERM while the database is silent", "ends within the grace (3 s here) and 2.5 s")
def stop_while_silent(deployment: Deployment) -> Row:
    with deployment.server() as server:
        server.get(*["/waits/query?seconds=0.2"] * POOL)
        with deployment.database.silent(), ThreadPoolExecutor() as pool:
            waiting = pool.submit(server.get, "/posts")
            time.sleep(0.2)
            seconds = server.end()
            waiting.result()
    return Row(f"{seconds:.1f} s, exit code {server.process.returncode}", seconds < 5.5)


@fault(
    "SIGTERM, with clients that do not read, follow a stream, send half a body",
    "ends within the grace (3 s here) and 2 s",
)
def stop_with_awkward_clients(deployment: Deployment) -> Row:
    with deployment.server() as server, server.awkward_clients():
        seconds = server.end()
    return Row(f"{seconds:.1f} s, exit code {server.process.returncode}", seconds < 5)


@fault(
    "`poe dev` reloads, then Ctrl-C, with the same clients",
    "a reload within 5 s, which includes the start; the end within 3 s",
)
def reload_with_awkward_clients(deployment: Deployment) -> Row:
    port = free_port()
    command = ["uv", "run", "--no-sync", "poe", "dev", "--port", str(port)]
    process = subprocess.Popen(
        command,
        cwd=deployment.service,
        env=environment(DATABASE_URL=deployment.database.url),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    url = f"http://127.0.0.1:{port}"
    wait_until(lambda: answers(f"{url}/health/live"))
    before = httpx.get(f"{url}/waits/process").text

    def reloaded() -> bool:
        return answers(f"{url}/health/live") and httpx.get(f"{url}/waits/process").text != before

    with awkward_clients(port):
        started = time.monotonic()
        (deployment.service / "app/api/routes/waits.py").touch()
        wait_until(reloaded)
        reload = time.monotonic() - started
    with awkward_clients(port):
        started = time.monotonic()
        os.killpg(process.pid, signal.SIGINT)
        process.wait(timeout=120)
        end = time.monotonic() - started
    return Row(f"{reload:.1f} s, {end:.1f} s", reload < 5 and end < 3)


@fault("60 sign-ins whose clients hang up, then one", "an answer within 3.5 s")
def sign_ins_hang_up(deployment: Deployment) -> Row:
    form = "username=nobody%40example.com&password=wrong-password-0000"
    head = (
        "POST /auth/token HTTP/1.1\r\nHost: x\r\nContent-Length: {size}\r\n"
        "Content-Type: application/x-www-form-urlencoded\r\n\r\n{form}"
    )
    with deployment.server() as server:
        server.get("/posts")
        for number in range(60):
            mine = form.replace("nobody", f"nobody{number}")
            with socket.create_connection(("127.0.0.1", server.port)) as client:
                client.sendall(head.format(size=len(mine), form=mine).encode())
                time.sleep(0.01)  # it is read before the client leaves
        started = time.monotonic()
        response = httpx.post(
            f"{server.url}/auth/token",
            data={"username": "a@example.com", "password": "wrong-password-0000"},
            timeout=120,
            trust_env=False,
        )
        seconds = time.monotonic() - started
    return Row(f"{response.status_code} after {seconds:.1f} s", seconds < 3.5)


@fault("256 clients at once, a pool of 10", "nobody is refused, p99 below 2 s; readiness stays")
def more_clients_than_connections(deployment: Deployment) -> Row:
    with deployment.server() as server, ThreadPoolExecutor() as pool:
        server.get(*["/posts"] * POOL)
        probes = pool.submit(server.load, "/health/ready", 1, 6)
        seen = server.load("/posts", 256, 6)
        ready = probes.result()
    p99 = sorted(seen.seconds)[int(0.99 * len(seen.seconds))]
    text = f"{seen}, p99 {p99:.2f} s; readiness: {ready}"
    return Row(text, not seen.refused and p99 < 2 and not ready.refused)


@fault("all connections are busy", "503 within 3.5 s; readiness stays")
def pool_exhausted(deployment: Deployment) -> Row:
    with deployment.server() as server, ThreadPoolExecutor() as pool:
        busy = pool.submit(server.get, *["/waits/query?seconds=3.9"] * POOL)
        time.sleep(0.3)
        probes = pool.submit(server.load, "/health/ready", 1, 2)
        seen = server.get(*["/posts"] * 5)
        ready, others = probes.result(), busy.result()
    kept = {*seen.statuses} == {503} and seen.slowest < 3.5 and not others.refused
    return Row(f"{seen}; readiness: {ready}", kept and not ready.refused and ready.slowest < 1)


@fault("40 clients that pause for 5 s between their requests", "no connection is lost")
def clients_pause(deployment: Deployment) -> Row:
    with deployment.server() as server:
        seen = server.load("POST /waits/upload", 40, 16, pause=4.999)
    return Row(str(seen), not seen.refused)


LOCKS = "SELECT count(*) FROM pg_locks WHERE mode = 'AccessExclusiveLock' AND granted"


@fault("a locked table", "503 within 4 s, other tables answer")
def locked_table(deployment: Deployment) -> Row:
    lock = "BEGIN; LOCK TABLE posts; SELECT pg_sleep(6); ROLLBACK"
    with deployment.server() as server, ThreadPoolExecutor() as pool:
        locking = pool.submit(deployment.sql, lock)
        wait_until(lambda: deployment.sql(LOCKS) == "1")
        seen, other = server.get(*["/posts"] * 5), server.get("/waits/query")
        locking.result()
        after = server.get("/posts")
    kept = {*seen.statuses} == {503} and seen.slowest < 4 and not other.refused
    return Row(f"{seen}; another: {other}; then {after}", kept and not after.refused)


@fault(
    "the database restarts under load", "no error once it is back; what was acknowledged is stored"
)
def restart_under_load(deployment: Deployment) -> Row:
    deployment.sql("CREATE TABLE IF NOT EXISTS written (number int); TRUNCATE written")
    with deployment.server() as server, ThreadPoolExecutor() as pool:
        writing = pool.submit(server.load, "/waits/write", 20, 6)
        time.sleep(1.5)
        deployment.database.control("restart")
        time.sleep(1)
        back = server.get(*["/posts"] * 20)
        seen = writing.result()
        deployment.database.control("restart")  # while the service has nothing to do
        idle = server.get(*["/posts"] * 20)
    acknowledged = seen.statuses[200]
    stored = int(deployment.sql("SELECT count(*) FROM written"))
    text = f"{seen}; once it is back: {back}, {idle}; {acknowledged} acknowledged, {stored} stored"
    return Row(
        text,
        not back.refused
        and not idle.refused
        and stored >= acknowledged
        and {*seen.statuses} <= {200, 503},
    )
