"""``setup.py`` as its text has it, without running anything."""

from __future__ import annotations

import ast
import warnings
from collections.abc import Mapping


def parsed(text: str) -> ast.Module | None:
    """The syntax tree of a script; ``None`` when this version of Python cannot read it."""
    try:
        with warnings.catch_warnings():
            # What it would warn of is for whoever runs it.
            warnings.simplefilter("ignore")
            return ast.parse(text)
    except (ValueError, SyntaxError, RecursionError, MemoryError):
        return None


def assigned(tree: ast.Module) -> Mapping[str, ast.expr]:
    """What names stand for, the last time that they are set."""
    return {
        target.id: node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Assign)
        for target in node.targets
        if isinstance(target, ast.Name)
    }
