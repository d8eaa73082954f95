"""How the pages are built: `make docs`. Needs no network; reference.py writes those of the public names."""

import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent), str(HERE)]  # the tree that these pages stand in, wherever it is

import reference  # noqa: E402

import bevel  # noqa: E402

project = "Bevel"
author = "The Bevel authors"
copyright = author
version = release = bevel.__version__
extensions = ["myst_parser"]
exclude_patterns = ["_build"]
html_theme = "furo"
html_title = "Bevel"
html_static_path = ["_static"]
html_css_files = ["bevel.css"]
html_show_sphinx = False
myst_heading_anchors = 3
suppress_warnings = ["myst.xref_missing"]  # links to files beside docs/, such as ../LICENSE
pygments_style = "friendly"
toc_object_entries_show_parents = "hide"
nitpicky = False


def setup(app) -> None:
    app.connect("builder-inited", lambda app: reference.write_pages(HERE / "api"))
