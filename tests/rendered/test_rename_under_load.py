"""A column is renamed in three deployments, as the page says, while requests are sent: no error."""

import shutil
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from threading import Event, Thread
from time import sleep

import httpx
import pytest

from tests.recipes import blocks_of
from tests.rendered.squawk import findings
from tests.rendered.test_database_servers import at, server, sql
from tests.services import http, installed, run, running

PAGE = "../rename-a-column"
SERVE = ("uv", "run", "--no-sync", "uvicorn", "app.main:app", "--port")
ACCOUNT = {"email": "me@example.com", "name": "Me", "password": "correct horse battery"}
SECRET = {"SECRET_KEY": "all-releases-sign-with-this-one!"}
POSTS = (
    "INSERT INTO posts (title, body, author_id, created_at, updated_at)"
    " SELECT n, n, (SELECT max(id) FROM users), now(), now() FROM generate_series(1, {}) n"
)


@pytest.fixture(scope="module")
def releases(workspace: Path) -> list[Path]:
    """The service, and the three that are deployed after it: each ends with a diff of the model."""
    found = [installed(workspace / "release-0")]
    new = None
    for block in blocks_of(PAGE):
        new = new or shutil.copytree(found[-1], workspace / f"release-{len(found)}", symlinks=True)
        block.apply(new)
        if block.kind == "diff":
            found.append(new)
            new = None
    return found


class Load:
    """Requests to every instance that serves, one after the other, from several threads."""

    def __init__(self, url: str) -> None:
        self.urls = [url]
        self.statuses: Counter[object] = Counter()
        self.written: dict[int, str] = {}
        self.end = Event()
        http.post(f"{url}/auth/register", json=ACCOUNT).raise_for_status()
        form = {"username": ACCOUNT["email"], "password": ACCOUNT["password"]}
        token = http.post(f"{url}/auth/token", data=form).json()["access_token"]
        self.headers = {"Authorization": f"Bearer {token}"}

    @contextmanager
    def sent(self) -> Iterator[None]:
        threads = [Thread(target=self.send, args=(number,)) for number in range(3)]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            self.end.set()
            for thread in threads:
                thread.join()

    def send(self, number: int) -> None:
        with httpx.Client(trust_env=False, headers=self.headers) as client:
            turn = 0
            while not self.end.is_set():
                turn += 1
                sleep(0.01)
                draft = {"title": "New", "body": f"{number} {turn}"}
                if post := self.call(client, turn, "POST", "/posts", draft):
                    path, changed = f"/posts/{post['id']}", {"body": f"{number} {turn} changed"}
                    self.written[post["id"]] = draft["body"]
                    if self.call(client, turn + 1, "PATCH", path, changed):
                        self.written[post["id"]] = changed["body"]
                    self.call(client, turn, "GET", path)

    def call(
        self, client: httpx.Client, turn: int, method: str, path: str, body: object = None
    ) -> dict[str, int]:
        """The next instance's turn. What it answers, or nothing after an error."""
        urls = self.urls
        try:
            response = client.request(method, urls[turn % len(urls)] + path, json=body)
        except httpx.TransportError as error:
            self.statuses[repr(error)] += 1
            return {}
        self.statuses[response.status_code] += 1
        answer: dict[str, int] = response.json() if response.is_success else {}
        return answer


def test_column_is_renamed_without_an_error(
    releases: list[Path],
    request: pytest.FixtureRequest,
    record_property: Callable[[str, object], None],
) -> None:
    rows = 1_000_000 if request.config.option.exhaustive else 20_000
    with ExitStack() as stack:
        database = at(stack.enter_context(server(releases[0]))) | SECRET
        migrate = ("uv", "run", "--no-sync", "alembic", "upgrade", "head")
        run(releases[0], *migrate, **database)
        old = ExitStack()
        load = Load(old.enter_context(running(releases[0], *SERVE, **database)))
        sql(releases[0], POSTS.format(rows), **database)
        with load.sent():
            for release in releases[1:]:
                run(release, *migrate, **database)
                new = ExitStack()
                url = new.enter_context(running(release, *SERVE, **database))
                load.urls = [*load.urls, url]  # both serve for a while
                sleep(1)
                load.urls = [url]
                sleep(0.5)
                old.close()
                old = new
        columns = (
            "SELECT string_agg(attname, ' ') FROM pg_attribute WHERE attrelid = 'posts'::regclass"
        )
        assert "content" in sql(releases[3], columns, **database)
        kept = "SELECT count(*) FROM posts WHERE content = title"
        assert sql(releases[3], kept, **database) == str(rows)
        listed = "SELECT id, content FROM posts WHERE title = 'New'"
        lines = sql(releases[3], listed, **database).splitlines()
        run(releases[3], "uv", "run", "--no-sync", "alembic", "check", **database)
        old.close()

    requests = load.statuses.total()
    errors = requests - load.statuses[200] - load.statuses[201]
    record_property("requests while a column is renamed", requests)
    record_property("errors", errors)
    assert errors == 0, load.statuses
    assert requests > 300
    assert dict(line.split("|") for line in lines) == {
        str(number): body for number, body in load.written.items()
    }


def test_migrations_of_the_page_are_sound(releases: list[Path]) -> None:
    """Up, down and up again, and models and migrations agree; no table is locked for long."""
    for command in (
        "ruff format --check",
        "ruff check",
        "pytest -q tests/contract/test_migrations.py",
    ):
        run(releases[3], "uv", "run", "--no-sync", *command.split())

    assert findings(releases[3]) == ""
