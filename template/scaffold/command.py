"""`poe resource NAME [LINE OF FIELDS]`: writes the files of a resource. They are yours then."""

import argparse
import shutil
import sys
import tempfile
from importlib import import_module
from pathlib import Path

import app.models
import context
import migration
import rendering
from access import Access, below, model_in, owner_of
from app.db.base import Record
from inspected import fields_of
from line import columns_of
from names import Names, names_of, names_of_model
from refusal import Refused

ROOT = Path(__file__).parents[1]
ACCESS = {
    "owned": "its creator changes it, all read it: the default",
    "private": "only its creator reads it",
    "admin": "admins change it, all read it",
    "public": "anyone changes it, without signing in",
}


def main() -> None:
    parser = argparse.ArgumentParser(prog="poe resource", description=__doc__)
    parser.add_argument("name", help="the plural, such as invoices")
    parser.add_argument("fields", nargs="*", help="such as 'number:str(40):unique note:text?'")
    parser.add_argument("--singular", help="if it cannot be guessed, as of leaves")
    parser.add_argument("--owner", help="what its creator is called")
    for access, says in ACCESS.items():
        parser.add_argument(
            f"--{access}", dest="access", action="store_const", const=access, help=says
        )
    parser.add_argument("--under", help="the resource that it is nested in, such as projects")
    parser.add_argument(
        "--filter", action="append", default=[], help="a field that a list may be filtered by"
    )
    parser.add_argument("--pretend", action="store_true", help="show what would be written")
    given = parser.parse_intermixed_args()
    try:
        with tempfile.TemporaryDirectory(prefix="resource-") as folder:
            write(given, Path(folder))
    except Refused as refused:
        sys.exit(str(refused))


def write(given: argparse.Namespace, tree: Path) -> None:
    for path in rendering.FILES.values():
        if (ROOT / path.format(given.name)).exists():
            raise Refused(f"{path.format(given.name)} exists already. Nothing was written.")
    shutil.copy(ROOT / "pyproject.toml", tree)
    names, model, access = new_model(given, tree) if given.fields else standing_model(given)
    kept = {f"{each}_id" for each in (access.owner, access.within) if each}
    fields = fields_of(model, kept, lambda text: print(text, file=sys.stderr))
    found = context.for_files(names, fields, access, given.filter)
    for template, path in rendering.FILES.items():
        rendering.render(template, tree / path.format(names.many), found)
    rendering.tidy(tree)
    migration.write(tree, model.__tablename__)
    place(tree, given.pretend)


def new_model(given: argparse.Namespace, tree: Path) -> tuple[Names, type[Record], Access]:
    names, access = names_of(given.name, given.singular), access_of(given)
    if access.passes and not access.parent:
        access.owner = given.owner or "owner"
    path = rendering.MODEL.format(names.many)
    if (ROOT / path).exists():
        raise Refused(f"{path} exists already: leave out the fields, and the rest comes from it.")
    columns = columns_of(" ".join(given.fields), access.within or access.owner)
    rendering.render("model", tree / path, context.for_model(names, columns, access, given.filter))
    rendering.tidy(tree)
    app.models.__path__.append(str((tree / path).parent))
    import_module(f"app.models.{names.many}")
    return names, model_in(names.many), access


def standing_model(given: argparse.Namespace) -> tuple[Names, type[Record], Access]:
    if not (ROOT / rendering.MODEL.format(given.name)).exists():
        raise Refused(f"There is no app/models/{given.name}.py: write it, or give its fields.")
    model, access = model_in(given.name), access_of(given)
    if access.passes and not access.parent:
        access.owner = owner_of(model, given.owner)
    for key in [each for each in (access.within, access.owner) if each]:
        if not hasattr(model, key) or not hasattr(model, f"{key}_id"):
            raise Refused(f"{model.__name__} needs a column {key}_id and a relationship {key}.")
    return names_of_model(given.name, model), model, access


def access_of(given: argparse.Namespace) -> Access:
    if given.under and given.access:
        raise Refused("What is nested has the access of its parent: leave out the other option.")
    return below(given.under) if given.under else Access(given.access or "owned")


def place(tree: Path, pretend: bool) -> None:
    """Move what is new into the service; show the migration."""
    new = [path.relative_to(tree) for path in sorted(tree.rglob("*.py"))]
    for path in [path for path in new if not (ROOT / path).exists()]:
        text = (tree / path).read_text()
        if pretend or path.parts[0] == "alembic":
            print(f"\n{path}:\n{text}")
        if not pretend:
            (ROOT / path).parent.mkdir(parents=True, exist_ok=True)
            with (ROOT / path).open("x") as file:
                file.write(text)
            print(f"{path}: {len(text.splitlines())} lines")
    if not pretend:
        print("Review the migration, then: uv run poe migrate && uv run poe check")
