"""Takes the pictures of the README from real runs: `nox -s pictures`. See docs/maintain.md.

Needs git, curl, jq, npm, and a Chromium on PATH.
"""

import shutil
import sys
import tempfile
from pathlib import Path

from playwright.sync_api import Route, sync_playwright

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parents[1]))

from tests.releases import FIRST, clone_with_releases, make_release  # noqa: E402
from tests.services import edit, free_port, run, running  # noqa: E402

ASCIINEMA = "asciinema==2.4.0"
SVG_TERM = "svg-term-cli@2.1.1"
SWAGGER_UI = "swagger-ui-dist@5"  # what FastAPI's page loads
COLUMNS, ROWS = 100, 28
VIEWPORT = {"width": 1000, "height": 900}
FIXED = f"## {FIRST} - 2027-01-01\n\n### Fixed\n- A post that was deleted says so.\n"


def main() -> None:
    # Everybody may enter: PostgreSQL is never root.
    with tempfile.TemporaryDirectory(prefix="demo-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        record(folder)
        show_documentation(folder)
    for picture in sorted(HERE.glob("*.svg")) + sorted(HERE.glob("*.png")):
        sys.stdout.write(f"{picture.name}: {picture.stat().st_size / 1024:.0f} kB\n")


def record(folder: Path) -> None:
    """The terminal, from copy to update. Pauses are cut to a second."""
    template = clone_with_releases(folder / "copier-fastapi", later=False)
    post = template / "template/app/services/{% if posts %}posts.py{% endif %}"
    edit(post, "There is no such post.", "There is no such post (any more).")
    make_release(template, FIRST, FIXED)
    cast = folder / "terminal.cast"
    scenario = f"bash {HERE}/terminal.sh {template} {free_port()}"
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


def send(route: Route, package: Path) -> None:
    route.fulfill(path=package / Path(route.request.url).name)


if __name__ == "__main__":
    main()
