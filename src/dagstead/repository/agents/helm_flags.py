"""What ``--set`` and its kin mean, in Helm's own little language."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

from dagstead.errors import InvalidInputError
from dagstead.model.nodes import Entry, Node, NodeKind, mapping, scalar, sequence
from dagstead.repository.agents.placeholders import placeholder_in

#: Of an index in a list: more is a mistake, and would take memory.
_MOST_ITEMS = 1_000
_PART = re.compile(r"(?P<name>(?:\\.|[^\\.\[])*)(?P<indexes>(?:\[\d+\])*)(?:\.|$)")
#: Kinds that take one key, whatever the commas in the value.
_WHOLE = frozenset({"--set-json", "--set-literal"})
_WORDS = {"true": True, "false": False, "null": None, "": ""}

Path = tuple[str | int, ...]


def assignments(text: str, *, at: Node, kind: str = "--set") -> Iterator[tuple[Path, Node]]:
    """The paths and values of one flag: ``a.b=1,c[0]=x,d={e,f}``.

    Args:
        text: what follows the flag.
        at: where it is written.
        kind: ``--set`` reads true, false, null and numbers, ``--set-string`` and
            ``--set-literal`` only text, ``--set-json`` JSON, ``--set-file`` the names of files.

    Raises:
        InvalidInputError: when it is not of this form.
    """
    parts = [text] if kind in _WHOLE else _split(text, ",")
    for part in parts:
        key, equals, value = part.partition("=")
        if not equals or not key.strip():
            msg = f"{kind} {part!r} is not of the form key=value."
            raise InvalidInputError(msg)
        yield _path(key.strip()), _value(value, at, kind)


def assigned(tree: Node, path: Path, value: Node) -> Node:
    """A tree with a value put in at a path; what is in the way is replaced, as Helm does."""
    if not path:
        return value
    step, rest = path[0], path[1:]
    nothing = scalar(None, value)
    if isinstance(step, int):
        items = [*tree.items]
        items += [nothing] * (step + 1 - len(items))
        items[step] = assigned(items[step], rest, value)
        return sequence(tuple(items), value)
    old = tree.get(step)
    others = [each for each in tree.entries if each.key.value != step]
    new = Entry(scalar(step, value), assigned(old or nothing, rest, value))
    return mapping((*others, new), value)


def _path(key: str) -> Path:
    steps: list[str | int] = []
    offset = 0
    while offset < len(key):
        found = _PART.match(key, offset)
        if found is None or found.end() == offset:
            msg = f"{key!r} is not a key of Helm values."
            raise InvalidInputError(msg)
        steps.append(re.sub(r"\\(.)", r"\1", found["name"]))
        for index in re.findall(r"\d+", found["indexes"]):
            if int(index) > _MOST_ITEMS:
                msg = f"The index {index} in {key!r} is too large."
                raise InvalidInputError(msg)
            steps.append(int(index))
        offset = found.end()
    return tuple(steps)


def _value(text: str, at: Node, kind: str) -> Node:
    is_list = text.startswith("{") and text.endswith("}") and not text.startswith("{{")
    held = _held(text, kind)
    if held is not None and not is_list:
        # BROKEN is what cannot become a value.
        return Node(NodeKind.BROKEN, held, at.source, at.start, at.end)
    if kind == "--set-json":
        try:
            return of_json(json.loads(text), at)
        except ValueError as error:
            msg = f"--set-json {text!r} is no JSON: {error}."
            raise InvalidInputError(msg) from error
    if is_list:
        inner = [each for each in _split(text[1:-1], ",") if each]
        return sequence(tuple(_value(each, at, kind) for each in inner), at)
    plain = text if kind == "--set-literal" else re.sub(r"\\(.)", r"\1", text)
    return scalar(_typed(plain) if kind == "--set" else plain, at)


def _held(text: str, kind: str) -> str | None:
    if kind == "--set-file":
        return f"the file {text!r}"
    return placeholder_in(text) or (f"the variable {text.strip()}" if "$" in text else None)


def _typed(text: str) -> object:
    if text in _WORDS:
        return _WORDS[text]
    if re.fullmatch(r"0|-?[1-9]\d{0,17}", text):
        return int(text)
    return text


def of_json(value: object, at: Node) -> Node:
    """A value of JSON, with one place for all of it."""
    if isinstance(value, dict):
        entries = (Entry(scalar(key, at), of_json(each, at)) for key, each in value.items())
        return mapping(tuple(entries), at)
    if isinstance(value, list):
        return sequence(tuple(of_json(each, at) for each in value), at)
    return scalar(value, at)


def _split(text: str, at: str) -> list[str]:
    """Parts between separators that are neither in braces nor after a backslash."""
    parts, depth, current, escaped = [], 0, "", False
    for each in text:
        if escaped or each == "\\":
            escaped = not escaped and each == "\\"
        elif each in "{}":
            depth += 1 if each == "{" else -1
        elif each == at and depth <= 0:
            parts.append(current)
            current = ""
            continue
        current += each
    return [*parts, current]
