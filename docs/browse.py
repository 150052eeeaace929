"""Renders the default service into pages of `docs/service/`, to be read without copying it.

A page for each folder, one with the operations of the API, and links from the paths and tests that
other pages name. Every build writes them again, so they cannot be stale.
"""

import ast
import json
import re
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Any

import copier
from docutils import nodes
from sphinx.application import Sphinx
from sphinx.errors import ExtensionError

DOCS = Path(__file__).parent
PAGES = DOCS / "service"
LANGUAGES = {".py": "python", ".toml": "toml", ".yaml": "yaml", ".yml": "yaml", ".md": "markdown"}
ROW = re.compile(r"^\| (`.+?) \| (.+?) \|$", re.MULTILINE)
LAYER = re.compile(r"^(app/[\w/]+/)posts\.py {2,}(.+)$", re.MULTILINE)
COMMENT = re.compile(r"(?:# .*\n)+")
KEPT = ("tests/contract/", "devtools/")
TEMPLATES, OWNERS = "the template's: only updates change it", "yours"
# No search in code: its words would hide what pages say.
HEAD = """---
nosearch: true
---

# {title}

A folder of [the default service](../service.md). It is {whose}.
"""
TABLE = "| operation | what it does | who may call | statuses |\n|---|---|---|---|\n"
addresses: dict[str, tuple[str, str]] = {}  # of a path or the name of a test: its page and place


def setup(app: Sphinx) -> None:
    app.connect("builder-inited", write)
    app.connect("doctree-resolved", link)


def write(app: Sphinx) -> None:
    shutil.rmtree(PAGES, ignore_errors=True)
    PAGES.mkdir()
    with tempfile.TemporaryDirectory() as name:
        service = Path(name) / "blog-api"
        copier.run_copy(str(DOCS.parent), service, defaults=True, vcs_ref="HEAD", quiet=True)
        paths = [path for path in service.rglob("*") if path.is_file() and path.name != "uv.lock"]
        files = {str(path.relative_to(service)): path.read_text() for path in paths}
        document, routes = run(service, "openapi"), run(service, "routes")
    write_folders({path: text for path, text in files.items() if text})
    (PAGES / "openapi.json").write_text(document)
    (PAGES / "operations.inc").write_text(operations(json.loads(document), routes))


def run(service: Path, command: str) -> str:
    """Return what `poe openapi` or `poe routes` prints, without the packages for development."""
    python = ("uv", "run", "--quiet", "--locked", "--no-dev", "python")
    return subprocess.check_output([*python, "devtools", command], cwd=service, text=True)


def write_folders(files: dict[str, str]) -> None:
    """Write a page for each folder, and the tree that lists every file."""
    said, tree = sentences(), ""
    for folder in sorted({folder_of(path) for path in files}):
        name = re.sub(r"\W+", "-", folder).strip("-") or "top"
        title = f"`{folder or 'blog-api/'}`"
        page = HEAD.format(title=title, whose=TEMPLATES if folder.startswith(KEPT) else OWNERS)
        tree += f"\n## [{title}](service/{name}.md)\n\n"
        addresses[folder] = f"service/{name}", ""
        for path in sorted(path for path in files if folder_of(path) == folder):
            file, place, text = Path(path), nodes.make_id(f"file-{path}"), files[path]
            about = describe(path, text, said)
            code = f"````{LANGUAGES.get(file.suffix, 'text')}\n{text.rstrip()}\n````"
            page += f"\n({place})=\n\n## `{file.name}`\n\n{about}\n\n{code}\n"
            tree += f"- [`{file.name}`](#{place}): {about}\n"
            for known in [path, *re.findall(r"def (test_\w+)", text)]:
                addresses[known] = f"service/{name}", f"#{place}"
        (PAGES / f"{name}.md").write_text(page)
    (PAGES / "tree.inc").write_text(tree)


def folder_of(path: str) -> str:
    return path[: path.rfind("/") + 1]


def sentences() -> dict[str, str]:
    """Return what docs/architecture.md says of each file, and of each layer's folder."""
    page = (DOCS / "architecture.md").read_text()
    rows = {path: it for cell, it in ROW.findall(page) for path in re.findall("`(.+?)`", cell)}
    return dict(LAYER.findall(page)) | rows


def describe(path: str, text: str, said: dict[str, str]) -> str:
    """Say in a sentence what a file does; the build fails if neither the map nor the file does."""
    sentence = said.get(path, "")
    if not sentence and path.endswith(".py"):
        sentence = (ast.get_docstring(ast.parse(text)) or "").partition("\n\n")[0]
    elif not sentence and (comment := COMMENT.match(text)) and not path.endswith(".md"):
        sentence = re.split(r"(?<=\.) ", comment[0].replace("\n# ", " ").removeprefix("# "))[0]
    if not (sentence := sentence or said.get(folder_of(path), "")):
        raise ExtensionError(f"Say in the map of docs/architecture.md what {path} does")
    sentence = " ".join(sentence.split()).rstrip(".")
    return f"{sentence[0].upper()}{sentence[1:]}."


def operations(document: dict[str, Any], routes: str) -> str:
    """Write a table for each tag. Who may call is not in the document: the routes say it."""
    page = tag = ""
    for method, path, _, who in map(str.split, routes.splitlines()):
        operation = document["paths"][path][method.lower()]
        if tag != operation["tags"][0]:
            tag = operation["tags"][0]
            page += f"\n## {tag.capitalize()}\n\n{TABLE}"
        about = " ".join(operation["description"].split())
        statuses = ", ".join(sorted(operation["responses"]))
        page += f"| `{method} {path}` | {about} | {who} | {statuses} |\n"
    return page


def link(app: Sphinx, doctree: nodes.document, page: str) -> None:
    """Make a link of each path and each test of the service that a page names."""
    if page == "maintain":  # which names the paths of the template
        return
    for name in list(doctree.findall(nodes.literal)):
        known = addresses.get(name.astext())
        if known and isinstance(name.parent, nodes.paragraph):  # not a title, not a link
            uri = app.builder.get_relative_uri(page, known[0]) + known[1]
            name.replace_self(nodes.reference("", "", name.deepcopy(), refuri=uri, internal=True))
