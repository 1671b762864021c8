"""The package's own code, as syntax trees."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import dagstead

_PACKAGE = Path(dagstead.__file__).parent


def trees_naming(*names: str) -> Iterator[tuple[Path, ast.Module]]:
    """Every file of the package that has all of these names: to parse the others takes seconds."""
    for path in sorted(_PACKAGE.rglob("*.py")):
        text = path.read_text(encoding="utf-8")
        if all(name in text for name in names):
            yield path, ast.parse(text)
