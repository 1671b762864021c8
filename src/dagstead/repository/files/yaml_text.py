"""YAML as a person would write it: blocks for scripts, comments, and quotes only where needed."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

#: What no reader of YAML 1.1 or 1.2 takes for anything but this text.
_PLAIN = re.compile(r"[A-Za-z_./$][\w./@$ {}()=!&|'\":;*,>+\[\]-]*")
_UNSAFE = re.compile(r": | #|[:\s]$|^(?:true|false|null|yes|no|on|off|y|n|~)$", re.IGNORECASE)
#: What single quotes can hold as it is.
_READABLE = re.compile(r"[\x20-\x26\x28-\x7e]*")
_DIGITS = re.compile(r"\.[\d_.]*(?:e[+-]?\d+)?|\.inf|\.nan", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class CommentedValue:
    """A scalar with a comment behind it, or a value with comment lines above it."""

    value: Yaml
    behind: str = ""
    above: tuple[str, ...] = ()


Yaml: TypeAlias = "str | int | bool | Mapping[str, Yaml] | Sequence[Yaml] | CommentedValue | None"


def dump(document: Mapping[str, Yaml], *, heading: Iterable[str] = ()) -> str:
    """The text of a document, below comment lines."""
    lines = [f"# {each}".rstrip() for each in heading]
    if lines:
        lines.append("")
    lines += _mapping(document, 0, spaced=True)
    return "\n".join(lines) + "\n"


def scalar(value: str | int | bool | None) -> str:  # noqa: FBT001 - it is the value
    """A value on one line."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if value is None:
        return ""
    if isinstance(value, int):
        return str(value)
    plain = _PLAIN.fullmatch(value) and not _UNSAFE.search(value) and not _DIGITS.fullmatch(value)
    return value if plain else _quoted(value)


def _quoted(value: str) -> str:
    if '"' in value and _READABLE.fullmatch(value):
        return f"'{value}'"
    # JSON's escapes are YAML's; what YAML cannot hold as it is becomes an escape.
    text = json.dumps(value, ensure_ascii=False)
    return re.sub(
        "[\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]", lambda found: f"\\u{ord(found[0]):04x}", text
    )


def _mapping(values: Mapping[str, Yaml], depth: int, *, spaced: bool = False) -> Iterator[str]:
    indent = "  " * depth
    for number, (key, value) in enumerate(values.items()):
        if spaced and number:
            yield ""
        if isinstance(value, CommentedValue):
            yield from (f"{indent}# {line}" for line in value.above)
        # The `on` of a workflow is written as GitHub wants it.
        name = key if key == "on" and not depth else scalar(key)
        yield from _entry(f"{indent}{name}:", value, depth)


def _entry(start: str, value: Yaml, depth: int) -> Iterator[str]:
    behind = ""
    if isinstance(value, CommentedValue):
        behind = f" # {value.behind}" if value.behind else ""
        value = value.value
    if isinstance(value, Mapping):
        yield f"{start}{behind}" if value else f"{start} {{}}{behind}"
        yield from _mapping(value, depth + 1, spaced=start.strip() == "jobs:")
    elif isinstance(value, str) and "\n" in value:
        yield f"{start} |{behind}"
        yield from _block(value, depth + 1)
    elif isinstance(value, Sequence) and not isinstance(value, str):
        yield f"{start}{behind}" if value else f"{start} []{behind}"
        yield from _sequence(value, depth + 1)
    else:
        text = "" if value is None or isinstance(value, CommentedValue) else f" {scalar(value)}"
        yield f"{start}{text}{behind}"


def _sequence(items: Sequence[Yaml], depth: int) -> Iterator[str]:
    indent = "  " * depth
    for item in items:
        value = item
        if isinstance(value, CommentedValue):
            yield from (f"{indent}# {line}" for line in value.above)
            value = value.value
        if isinstance(value, Mapping):
            lines = list(_mapping(value, depth + 1)) or ["{}"]
            yield f"{indent}- {lines[0].lstrip()}"
            yield from lines[1:]
        elif isinstance(value, str) and "\n" in value:
            yield f"{indent}- |"
            yield from _block(value, depth + 1)
        elif value is None or isinstance(value, str | int):
            yield f"{indent}- {scalar(value)}"


def _block(text: str, depth: int) -> Iterator[str]:
    indent = "  " * depth
    return (f"{indent}{line}".rstrip() for line in text.splitlines())
