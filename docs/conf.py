"""Sphinx reads the Markdown of this folder: `nox -s docs`."""

project = "copier-fastapi"
html_title = project
html_theme = "furo"
html_copy_source = False
html_show_copyright = False

extensions = ["myst_parser"]
myst_heading_anchors = 3
nitpicky = True
exclude_patterns = ["_build"]
