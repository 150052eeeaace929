"""Sphinx reads the Markdown of this folder: `nox -s docs`."""

import sys
from pathlib import Path

from docutils import nodes
from sphinx.application import Sphinx

sys.path.insert(0, str(Path(__file__).parent))  # for browse.py

project = "copier-fastapi"
html_title = project
html_theme = "furo"
html_static_path = ["static"]
html_css_files = ["site.css"]
html_copy_source = False
html_show_copyright = False

extensions = ["myst_parser", "browse"]
myst_heading_anchors = 3
nitpicky = True
exclude_patterns = ["_build"]


def setup(app: Sphinx) -> None:
    app.connect("doctree-resolved", label_cells)


def label_cells(app: Sphinx, doctree: nodes.document, page: str) -> None:
    """Name the column in each cell of a wide table, for phones: there a row is a list."""
    for table in doctree.findall(nodes.tgroup):
        head, *rows = table.findall(nodes.row)
        for row in rows if len(head) > 2 else []:
            for title, cell in zip(head[1:], row[1:], strict=True):
                if cell.children:
                    cell[0].insert(0, nodes.inline("", f"{title.astext()}: ", classes=["column"]))
