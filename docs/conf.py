"""How the pages are built: `make docs`. Needs no network.

The API pages are made from the docstrings of every public module of `bevel`, so a new module has its page by itself.
The docstrings are plain text, not a markup language: prose, columns (shapes, dtypes), examples. `_as_written` keeps
them so.
"""

import pkgutil
import re
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))  # the tree that these pages stand in, wherever it is

import bevel  # noqa: E402

project = "Bevel"
author = "The Bevel authors"
version = release = bevel.__version__
extensions = ["myst_parser", "sphinx.ext.autodoc"]
exclude_patterns = ["_build"]
html_theme = "furo"
html_title = "Bevel"
myst_heading_anchors = 3
suppress_warnings = ["myst.xref_missing"]  # links to files beside docs/, such as ../LICENSE
autodoc_typehints = "none"  # signatures carry them
autodoc_member_order = "groupwise"
add_module_names = False
nitpicky = False

# The floors of the house: their names are not promises (see architecture.md).
FLOORS = {"api", "base", "compat", "control", "core", "engine", "ops", "tools", "transforms"}


def _public_modules() -> list[str]:
    children = [module.name for module in pkgutil.iter_modules(bevel.__path__)]
    return ["bevel"] + [f"bevel.{name}" for name in children if name not in FLOORS and not name.startswith("_")]


def _write_api_pages(app) -> None:
    folder = HERE / "api"
    folder.mkdir(exist_ok=True)
    modules = _public_modules()
    for name in modules:
        lines = [f"# {name}", "", "```{eval-rst}", f".. automodule:: {name}", "   :members:", "```", ""]
        _write(folder / f"{name}.md", "\n".join(lines))
    for stale in set(folder.glob("*.md")) - {folder / f"{name}.md" for name in modules} - {folder / "index.md"}:
        stale.unlink()
    entries = "\n".join(modules)
    _write(folder / "index.md", f"# Names\n\n```{{toctree}}\n:maxdepth: 1\n\n{entries}\n```\n")


def _write(path: Path, text: str) -> None:
    if not path.exists() or path.read_text() != text:  # untouched pages are not read again
        path.write_text(text)


def _as_written(app, what, name, subject, options, lines) -> None:
    """Turns a docstring into reStructuredText that shows it as it is written."""
    result: list[str] = []
    for paragraph in re.split(r"\n\s*\n", "\n".join(lines).strip("\n")):
        rows = paragraph.split("\n")
        is_example = rows[0].lstrip().startswith(">>>")
        is_prose = not rows[0].startswith(" ") and not any(re.search(r"\S {2,}\S|^ ", row) for row in rows)
        if is_prose and not is_example:
            result += [_prose(row) for row in rows]
        else:
            result += [f".. code-block:: {'pycon' if is_example else 'text'}", "", *(f"   {row}" for row in rows)]
        result.append("")
    lines[:] = result


def _prose(row: str) -> str:
    """Words with `code` among them; every other character that reStructuredText would read as markup is escaped."""
    parts = re.split(r"(``?[^`]+``?)", row)
    return "".join(
        f"``{part.strip('`').strip()}``"
        if part.startswith("`") and part.strip("` ")
        else re.sub(r"([\\*_|`:<>])", r"\\\1", part)
        for part in parts
    )


def setup(app) -> None:
    app.connect("builder-inited", _write_api_pages)
    app.connect("autodoc-process-docstring", _as_written)
