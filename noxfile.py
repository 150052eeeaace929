"""Everything the template does to itself. Plain `nox` is what CI runs."""

import atexit
import datetime
import logging
import os
import re
import shutil
import tempfile
from pathlib import Path

import copier
import nox
from packaging.version import Version

ROOT = Path(__file__).parent
LOCK = ROOT / "template/uv.lock.jinja"

nox.options.default_venv_backend = "none"  # `uv run` has every tool already, and locked
nox.options.error_on_missing_interpreters = True

# What plain `nox` does, and for how long on two quiet cores.
STEPS = {
    "lint": "10 s",
    "tests": "1 min",
    "docs": "40 s",
    "updates": "4 min",
    "rendered": "6 min",
    "mutants": "1 min",
}
nox.options.sessions = ["steps", *STEPS]

logging.getLogger("plumbum").setLevel("WARNING")  # copier's git calls

# uv looks for interpreters on PATH; pyenv's shims there work for one version at a time only.
pyenv = Path(os.environ.get("PYENV_ROOT", "~/.pyenv")).expanduser()
os.environ["PATH"] = os.pathsep.join(
    [os.environ["PATH"], *map(str, sorted(pyenv.glob("versions/3.1[2-9].*/bin")))]
)
# A rendered service has an environment of its own.
os.environ.pop("VIRTUAL_ENV", None)
# Each session would compile every package again.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
# What the sessions render, they share.
os.environ["RENDERS"] = tempfile.mkdtemp(prefix="renders-")
atexit.register(shutil.rmtree, os.environ["RENDERS"], ignore_errors=True)


def render(folder: Path) -> None:
    """Render the working tree with the default answers."""
    copier.run_copy(str(ROOT), folder, defaults=True, vcs_ref="HEAD", quiet=True)


def pytest(session: nox.Session, *options: str) -> None:
    """On every core. After Ctrl-C it has time to end what it started, and to clear up."""
    command = ("pytest", "-n", "auto", *options, *session.posargs)
    session.run(*command, interrupt_timeout=60, terminate_timeout=10)


@nox.session
def steps(session: nox.Session) -> None:
    """Say what plain `nox` is going to do; it ends with the time that each step took."""
    for name, duration in STEPS.items():
        summary = str(globals()[name].__doc__).splitlines()[0]
        session.log(f"{name:9} {duration:>6}  {summary}")


@nox.session
def lint(session: nox.Session) -> None:
    """Check the format, the style and the types of the template's own code."""
    session.run("ruff", "format", "--check")
    session.run("ruff", "check")
    session.run("mypy")


@nox.session
def tests(session: nox.Session) -> None:
    """Render, and look at what was rendered: the part to run while you work."""
    pytest(session, "-m", "static")


@nox.session
def updates(session: nox.Session) -> None:
    """Update services from releases, a sample; all with `nox -s updates -- --exhaustive`."""
    pytest(session, "-m", "updates")


@nox.session
def rendered(session: nox.Session) -> None:
    """Install rendered services, run their own checks, do what the pages say; a few faults."""
    # One file of tests per core: its tests share what they install.
    pytest(session, "-m", "rendered or faults", "--dist", "loadfile")


@nox.session
def faults(session: nox.Session) -> None:
    """Inject faults into a running service, and print what clients saw: three minutes."""
    session.run("pytest", "-m", "faults", "--exhaustive", *session.posargs)


@nox.session
def proxies(session: nox.Session) -> None:
    """Run a rendered service behind haproxy, nginx and PgBouncer, which must be installed."""
    session.run("pytest", "-m", "proxies", *session.posargs)


@nox.session
def mutants(session: nox.Session) -> None:
    """Make mistakes in the template, a sample; the tests must notice each."""
    pytest(session, "-m", "mutants", "-v")


@nox.session
def image(session: nox.Session) -> None:
    """Build the image of a rendered service and run it; needs Docker."""
    session.run("pytest", "-m", "image", *session.posargs)


@nox.session
def bench(session: nox.Session) -> None:
    """Print what the commands of a service cost in CPU time, fresh and with more resources."""
    session.run("python", "-m", "tests.rendered.costs")


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
def pictures(session: nox.Session) -> None:
    """Take the pictures of the README from real runs; needs jq, npm and Chromium."""
    session.run("uv", "run", "--with", "playwright==1.65.2", "python", "docs/pictures/take.py")


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
    session.run("pytest", "-n", "auto", "-m", "static")

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
