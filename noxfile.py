"""Everything the template does to itself. Plain `nox` is what CI runs."""

import datetime
import logging
import os
import re
import tempfile
from pathlib import Path

import copier
import nox
from packaging.version import Version

ROOT = Path(__file__).parent
FAST = "not rendered and not updates and not mutants and not image"
LOCK = ROOT / "template/uv.lock.jinja"

nox.options.default_venv_backend = "none"  # `uv run` has every tool already, and locked
nox.options.error_on_missing_interpreters = True
nox.options.sessions = ["lint", "tests", "docs", "updates", "rendered"]

logging.getLogger("plumbum").setLevel("WARNING")  # copier's git calls

# uv looks for interpreters on PATH; pyenv's shims there work for one version at a time only.
pyenv = Path(os.environ.get("PYENV_ROOT", "~/.pyenv")).expanduser()
os.environ["PATH"] = os.pathsep.join(
    [os.environ["PATH"], *map(str, sorted(pyenv.glob("versions/3.1[2-9].*/bin")))]
)
# A rendered service has an environment of its own.
os.environ.pop("VIRTUAL_ENV", None)


def render(folder: Path) -> None:
    """Render the working tree with the default answers."""
    copier.run_copy(str(ROOT), folder, defaults=True, vcs_ref="HEAD", quiet=True)


@nox.session
def lint(session: nox.Session) -> None:
    """Check the format, the style and the types of the template's own code."""
    session.run("ruff", "format", "--check")
    session.run("ruff", "check")
    session.run("mypy")


@nox.session
def tests(session: nox.Session) -> None:
    """Render, and look at what was rendered."""
    session.run("pytest", "-m", FAST, *session.posargs)


@nox.session
def updates(session: nox.Session) -> None:
    """Update services from every release: `nox -s updates -- --runs 300 --seed 1`."""
    session.run("pytest", "-m", "updates", "-n", "auto", *session.posargs)


@nox.session
def rendered(session: nox.Session) -> None:
    """Install rendered services and run their own checks."""
    # One file of tests per core: its tests share what they install.
    session.run("pytest", "-m", "rendered", "-n", "2", "--dist", "loadfile", *session.posargs)


@nox.session
def mutants(session: nox.Session) -> None:
    """Make mistakes in the template, one after the other; the tests must notice each."""
    session.run("pytest", "-m", "mutants", "-n", "auto", "-v", *session.posargs)


@nox.session
def image(session: nox.Session) -> None:
    """Build the image of a rendered service and run it; needs Docker."""
    session.run("pytest", "-m", "image", *session.posargs)


@nox.session
def demo(session: nox.Session) -> None:
    """Render the default service and serve it: `nox -s demo -- --port 8001`."""
    folder = Path(tempfile.mkdtemp(prefix="demo-")) / "blog-api"
    folder.parent.chmod(0o755)  # so that PostgreSQL, which is never root, may enter
    render(folder)
    port = session.posargs[-1].rpartition("=")[2] if session.posargs else "8000"
    session.log(f"The service is in {folder}, and stays there: look around, then delete it")
    session.log(f"Its documentation will be on http://127.0.0.1:{port}/docs; Ctrl-C ends it")
    with session.chdir(folder):
        command = ("uv", "run", "poe", "dev", *session.posargs)
        session.run(*command, interrupt_timeout=20, terminate_timeout=20)


@nox.session
def docs(session: nox.Session) -> None:
    """Build the documentation in `docs/_build/html`; a broken link fails."""
    # All of it, every time: a page that is not read again does not warn again.
    options = ("-W", "--keep-going", "-n", "--fresh-env", "--write-all", "-b", "html")
    session.run("sphinx-build", *options, "docs", "docs/_build/html")


@nox.session
def lock(session: nox.Session) -> None:
    """Refresh the lock that travels with a rendered service, and our own."""
    session.run("uv", "lock", "--upgrade")
    folder = Path(tempfile.mkdtemp()) / "service"
    render(folder)
    with session.chdir(folder):
        session.run("uv", "lock", "--upgrade")
    text = re.sub('"blog-api(?=[" ])', '"{{ slug }}', (folder / "uv.lock").read_text())
    LOCK.write_text(text)


@nox.session
def release(session: nox.Session) -> None:
    """Give what is unreleased a version, commit and tag it: `nox -s release -- 1.2.0`."""
    version = " ".join(session.posargs)
    changelog = ROOT / "CHANGELOG.md"
    text = changelog.read_text()
    refuse_release(session, version, text)
    session.run("pytest", "-m", FAST)

    today = datetime.datetime.now(datetime.UTC).date()
    changelog.write_text(text.replace("## Unreleased", f"## {version} - {today}", 1))
    session.run("uv", "version", version)
    # In a clone that came without tags, tests find a release by the subject of its commit.
    session.run("git", "commit", "--all", "--message", f"Release {version}")
    session.run("git", "tag", "--annotate", "--message", f"Release {version}", version)
    session.log(f"To publish it: git push origin main {version}")


def refuse_release(session: nox.Session, version: str, text: str) -> None:
    """Say why not, if this version cannot follow what the changelog's text says."""
    released = re.findall(r"^## (\d\S+)", text, re.MULTILINE)
    if not re.fullmatch(r"\d+\.\d+\.\d+", version):
        session.error("Type the version behind two hyphens: nox -s release -- 1.2.0")
    if released and Version(version) <= Version(released[0]):
        session.error(f"{version} does not follow {released[0]}, the last release")
    if "\n## Unreleased\n" not in text:
        session.error("CHANGELOG.md has no section `## Unreleased`: there is nothing to release")
    if session.run("git", "status", "--porcelain", silent=True):
        session.error("Commit or stash your changes first")
