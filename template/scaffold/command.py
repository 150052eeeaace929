"""`poe resource NAME [LINE OF FIELDS]`: writes the files of a resource. They are yours then."""

import argparse
import shutil
import sys
import tempfile
from importlib import import_module
from pathlib import Path

import app.models
import migration
from access import Access, below, model_in, owner_of
from app.db.base import Record
from inspected import attach_checks, fields_of
from line import columns_of
from names import Refused, checked, names_of, names_of_model, refuse_word
from rendering import FILES, context_of, render, tidy

ROOT = Path(__file__).parents[1]
SORTING = "app/sorting.py"  # written with the first resource that sorts
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
    access = parser.add_mutually_exclusive_group()
    for kind, says in ACCESS.items():
        access.add_argument(f"--{kind}", dest="access", action="store_const", const=kind, help=says)
    parser.add_argument("--under", help="the resource that it is nested in, such as projects")
    parser.add_argument("--filter", action="append", default=[], help="a field to filter by")
    parser.add_argument("--sort", action="append", default=[], help="a field to sort by")
    parser.add_argument("--pretend", action="store_true", help="show what would be written")
    given = parser.parse_intermixed_args()
    try:
        with tempfile.TemporaryDirectory(prefix="resource-") as folder:
            write(given, Path(folder))
    except Refused as refused:
        sys.exit(f"{refused} Nothing was written.")
    except KeyboardInterrupt:
        sys.exit(130)


def write(given: argparse.Namespace, tree: Path) -> None:
    refuse_word(given.name, (), longest=30)
    paths = {pattern: path.format(given.name) for pattern, path in FILES.items()}
    to_model = paths.pop("model")
    for path in [*paths.values(), *([to_model] if given.fields else [])]:
        if (ROOT / path).exists():
            raise Refused(f"{path} exists already. Of a model that stands, leave out the fields.")
    shutil.copy(ROOT / "pyproject.toml", tree)
    if given.fields:
        write_model(given, tree / to_model)
    model = model_in(given.name)
    if model.__table__.schema:
        raise Refused(f"{model.__name__} is in a schema of its own: write its resource by hand.")
    attach_checks(model)
    access, names = access_of(given, model), checked(names_of_model(model))
    fields = fields_of(model, access.holder)
    context = context_of(names, access, fields, given.filter, given.sort)

    for pattern, path in paths.items():
        render(pattern, tree / path, context)
    if given.sort and not (ROOT / SORTING).exists():
        shutil.copy(Path(__file__).with_name("sorting.py"), tree / SORTING)

    migration.write(tree, model, fields)
    tidy(tree)
    place(tree, given.pretend)


def write_model(given: argparse.Namespace, to: Path) -> None:
    """From the line of fields. From then on it is as one that was written by hand."""
    names, access = names_of(given.name, given.singular), access_of(given)
    columns = columns_of(" ".join(given.fields), names, access)
    context = {"columns": columns, "filtered": given.filter, "sorted": given.sort}
    render("model", to, vars(names) | vars(access) | context)
    tidy(to)
    app.models.__path__.append(str(to.parent))
    import_module(f"app.models.{names.many}")


def access_of(given: argparse.Namespace, model: type[Record] | None = None) -> Access:
    if given.under and (given.access or given.owner):
        raise Refused("What is nested has the access of its parent: leave out the other option.")
    if given.under:
        access = below(given.under)
    elif given.access in {"admin", "public"}:
        if given.owner:
            raise Refused(f"--owner {given.owner}: with --{given.access}, a row has no owner.")
        return Access(given.access)
    else:
        owner = given.owner or ("owner" if given.fields else "")
        access = Access(given.access or "owned", owner_of(model, owner) if model else owner)
    key = access.holder.one if access.holder else ""
    if model and not (hasattr(model, key) and hasattr(model, f"{key}_id")):
        raise Refused(f"{model.__name__} needs a column {key}_id and a relationship {key}.")
    column = getattr(model, f"{key}_id").expression if model else None
    if column is not None and (column.nullable or column.unique):
        raise Refused(f"{key}_id says whose a row is, and is null or unique: write it by hand.")
    return access


def place(tree: Path, pretend: bool) -> None:
    """Move what is new into the service, all or nothing; show the migration."""
    new = [path.relative_to(tree) for path in sorted(tree.rglob("*.py"))]
    new = [path for path in new if not (ROOT / path).exists()]
    written: list[Path] = []
    try:
        for path in [] if pretend else new:
            with (ROOT / path).open("x") as file:
                written.append(ROOT / path)
                file.write((tree / path).read_text())
    except (OSError, KeyboardInterrupt) as error:
        for path in written:
            path.unlink()
        raise Refused(f"{error or 'Interrupted'}.") from None
    for path in new:
        text = (tree / path).read_text()
        if pretend or path.parts[0] == "alembic":
            print(f"\n{path}:\n{text}")
        if not pretend:
            print(f"{path}: {len(text.splitlines())} lines")
    if not pretend:
        print("Review the migration, then: uv run poe migrate && uv run poe check")
