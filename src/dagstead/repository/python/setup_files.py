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
    found: dict[str, ast.expr] = {}
    for node in ast.walk(tree):
        targets: list[ast.expr] = node.targets if isinstance(node, ast.Assign) else []
        if isinstance(node, ast.AnnAssign):
            targets = [node.target]
        value = node.value if isinstance(node, ast.Assign | ast.AnnAssign) else None
        if value is not None:
            found |= {each.id: value for each in targets if isinstance(each, ast.Name)}
    return found
