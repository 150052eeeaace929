"""Takes the pictures of the README from real runs: `nox -s pictures`. See docs/maintain.md.

Needs git, curl, jq, npm, and a Chromium on PATH.
"""

import re
import shutil
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path

import jinja2
from playwright.sync_api import Route, sync_playwright

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parents[1]))

from tests.releases import NEXT, clone_with_releases, documented, make_release  # noqa: E402
from tests.services import edit, free_port, run, running  # noqa: E402

ASCIINEMA = "asciinema==2.4.0"
SVG_TERM = "svg-term-cli@2.1.1"
SWAGGER_UI = "swagger-ui-dist@5"  # what FastAPI's page loads
COLUMNS, ROWS = 106, 28
VIEWPORT = {"width": 1000, "height": 730}
SHOWN = "orders?$|read_me|list_users|read_user|update_user"
FIXED = "## {} - {:%Y-%m-%d}\n\n### Fixed\n- A post that was deleted says so.\n"


def main() -> None:
    # Everybody may enter: PostgreSQL is never root.
    with tempfile.TemporaryDirectory(prefix="demo-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        record(folder)
        show_documentation(folder)
        draw_access(folder / "blog-api")
    for picture in sorted(HERE.glob("*.svg")) + sorted(HERE.glob("*.png")):
        sys.stdout.write(f"{picture.name}: {picture.stat().st_size / 1024:.0f} kB\n")


def record(folder: Path) -> None:
    """The terminal, from copy to update. Pauses are cut to a second."""
    template = clone_with_releases(folder / "copier-fastapi", later=False)
    minor, _, patch = documented()[-1].rpartition(".")
    old, new = (f"{minor}.{int(patch) + n}" for n in (1, 2))
    run(template, "git", "tag", old, NEXT)
    run(template, "git", "tag", "--delete", NEXT)
    post = template / "template/app/services/{% if posts %}posts.py{% endif %}"
    edit(post, "There is no such post.", "There is no such post (any more).")
    make_release(template, new, FIXED.format(new, datetime.now(UTC)))
    cast = folder / "terminal.cast"
    scenario = f"bash {HERE}/terminal.sh {template} {old} {free_port()}"
    asciinema = ["uvx", "--quiet", ASCIINEMA, "rec", "--quiet", "--idle-time-limit", "1"]
    size = ["--cols", str(COLUMNS), "--rows", str(ROWS)]
    author = {
        f"GIT_{who}_{what}": "Ada" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")
    }
    run(folder, *asciinema, *size, "--command", scenario, str(cast), **author)
    svg = HERE / "terminal.svg"
    run(
        folder,
        "npx",
        "--yes",
        SVG_TERM,
        "--in",
        str(cast),
        "--out",
        str(svg),
        "--window",
        "--no-cursor",
    )


def show_documentation(folder: Path) -> None:
    """`/docs` of the default service, with the scripts that its page loads from a CDN."""
    run(folder, "npm", "pack", "--silent", SWAGGER_UI)
    run(folder, "bash", "-c", "tar -xzf swagger-ui-dist-*.tgz")
    serve = ("uv", "run", "poe", "dev", "--port")
    with running(folder / "blog-api", *serve) as url, sync_playwright() as playwright:
        options = {"executable_path": shutil.which("chromium"), "args": ["--no-sandbox"]}
        page = playwright.chromium.launch(**options).new_page(viewport=VIEWPORT)
        page.route("**/swagger-ui*", lambda route: send(route, folder / "package"))
        page.goto(f"{url}/docs")
        page.get_by_text("/posts/{post_id}").first.wait_for()
        for tag in ("auth", "health"):
            page.locator(f"#operations-tag-{tag}").click()
        page.screenshot(path=HERE / "docs.png")


def draw_access(service: Path) -> None:
    """Who got which status: what the contract tests print of a service with private orders."""
    run(service, "uv", "run", "poe", "resource", "orders", "total:decimal(12,2)", "--private")
    routes = run(service, "uv", "run", "poe", "-q", "routes")
    tests = "tests/contract/test_authorisation.py"
    printed = run(service, "uv", "run", "pytest", tests, "-v", "-k", "test_access")
    statuses = {
        name: dict(re.findall(r"(\w+) (\d+)", line))
        for name, line in re.findall(r"^(\w+): (anonymous \d.+)$", printed, re.MULTILINE)
    }
    rows = [
        (f"{method} {re.sub('{.+}', '{id}', path)}", statuses[name])
        for method, path, name in re.findall(r"^(\w+) +(\S+) +\w+\.(\w+) ", routes, re.MULTILINE)
        if re.search(SHOWN, name)
    ]
    pattern = (HERE / "access.svg.j2").read_text()
    svg = jinja2.Template(pattern, trim_blocks=True, lstrip_blocks=True).render(rows=rows)
    (HERE / "access.svg").write_text(f"{svg}\n")


def send(route: Route, package: Path) -> None:
    route.fulfill(path=package / Path(route.request.url).name)


if __name__ == "__main__":
    main()
