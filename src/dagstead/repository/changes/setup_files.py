"""Paths in ``setup.py`` and ``setup.cfg``, read without running anything."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping

from dagstead.repository.changes.parts import EVERYTHING, Edge, Hop, Subtree
from dagstead.repository.changes.requirements import edges_to, path_in_requirement
from dagstead.repository.python.setup_files import assigned, parsed

_STEPS_UP = re.compile(r"(?:^|(?<=[\s:,=\"'/]))\.\.(?:/[^\s,;:\"'*]*|$)")


def setup_py_edges(file: str, text: str) -> Iterator[Edge]:
    """What the constants of a script name by path.

    A ``file:`` requirement that the script puts together from something else cannot be known.
    """
    folder = file.rpartition("/")[0] or EVERYTHING
    tree = parsed(text)
    if tree is None:
        hop = Hop(file=file, what="(it cannot be read: it is no Python of this version)")
        if "file:" in text or "../" in text:
            yield Edge(to=Subtree(path=EVERYTHING), hop=hop)
        return
    names = assigned(tree)
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            yield from _of_pieces(node, names, file)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield from _of_text(node.value, file, node.lineno, folder)


def setup_cfg_edges(file: str, text: str) -> Iterator[Edge]:
    """What the lines of ``setup.cfg`` and the like name by path."""
    folder = file.rpartition("/")[0] or EVERYTHING
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.lstrip().startswith(("#", ";")):
            yield from _of_text(line, file, number, folder)


def steps_up(text: str) -> list[str]:
    """The paths in a text that leave their folder."""
    return [found[0] for found in _STEPS_UP.finditer(text)]


def _of_text(text: str, file: str, line: int, folder: str) -> Iterator[Edge]:
    path = path_in_requirement(text)
    found = steps_up(text) if path is None else [path]
    for each in found:
        yield from edges_to(each, folder, Hop(file=file, line=line, what=_shortened(text)))


def _of_pieces(node: ast.JoinedStr, names: Mapping[str, ast.expr], file: str) -> Iterator[Edge]:
    """``f"shared @ file://{here}/../shared"``, where ``here`` is the folder of the script."""
    pieces = [_constant(each) for each in node.values]
    text = "".join("{}" if each is None else each for each in pieces)
    if "file:" not in text:
        return
    hop = Hop(file=file, line=node.lineno, what=f"f{_shortened(text)!r}")
    found = re.fullmatch(r"[^{]*\bfile:/*\{\}(?P<path>/[^{\s]*)?", text)
    value = next((each for each in node.values if isinstance(each, ast.FormattedValue)), None)
    up = None if value is None or found is None else _steps_to(value.value, names)
    if found is None or up is None:
        what = f"{hop.what} (known only when it is run)"
        yield Edge(to=Subtree(path=EVERYTHING), hop=Hop(file=file, line=node.lineno, what=what))
        return
    folder = file.rpartition("/")[0] or EVERYTHING
    yield from edges_to(f"./{'../' * up}{found['path'] or ''}", folder, hop)


def _steps_to(value: ast.expr, names: Mapping[str, ast.expr]) -> int | None:
    """How far above the script's folder an expression leads, ``None`` when that is not known."""
    if isinstance(value, ast.Name):
        known = names.get(value.id)
        return None if known is None or isinstance(known, ast.Name) else _steps_to(known, {})
    text = ast.unparse(value)
    if re.search(r" / |[\"']", text):
        return None
    if "__file__" in text:
        return max(len(re.findall(r"\.parent\b|\bdirname\(", text)) - 1, 0)
    return 0 if re.search(r"\b(?:getcwd|cwd)\(\)", text) else None


def _constant(node: ast.expr) -> str | None:
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else None


def _shortened(text: str) -> str:
    words = " ".join(text.split())
    return words if len(words) <= 60 else f"{words[:57]}..."  # noqa: PLR2004 - a line's worth
