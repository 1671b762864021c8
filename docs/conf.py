"""How Sphinx builds these pages."""

from __future__ import annotations

import dagstead

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
