"""How Sphinx builds these pages."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import dagstead

if TYPE_CHECKING:
    from sphinx.application import Sphinx

project = "Dagstead"
author = "The Dagstead contributors"
project_copyright = "The Dagstead contributors"
release = dagstead.__version__

extensions = ["myst_parser"]
myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 3
exclude_patterns = ["_build"]

html_theme = "furo"
html_title = "Dagstead"

_CONTRIBUTING = Path(__file__).parent.parent / "CONTRIBUTING.md"


def setup(app: Sphinx) -> None:
    """Put the whole of CONTRIBUTING.md where the page in the repository only links to it."""
    app.connect("source-read", _put_contributing)


def _put_contributing(app: Sphinx, page: str, source: list[str]) -> None:
    if page != "contributing":
        return
    app.env.note_dependency(str(_CONTRIBUTING))
    text = _CONTRIBUTING.read_text(encoding="utf-8")
    # The changelog is not a page of the book.
    text = text.replace("[CHANGELOG.md](CHANGELOG.md)", "`CHANGELOG.md`")
    source[0] = text.replace("](docs/", "](")
