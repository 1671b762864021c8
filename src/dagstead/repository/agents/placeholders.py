"""Values that stand for others: variables of a shell, of a template, of Terraform, of the agent."""

from __future__ import annotations

import re
import string

from dagstead.model.nodes import Node, NodeKind

#: Stand for the braces of ``${NAME}`` where YAML would take those for a mapping.
OPENED, CLOSED = "\N{MEDIUM LEFT CURLY BRACKET ORNAMENT}", "\N{MEDIUM RIGHT CURLY BRACKET ORNAMENT}"
#: Stand for the marks in ``{{ name }}``, which mean something else to YAML.
_FIRST = 0xE000
_HIDDEN = {ord(each): _FIRST + ord(each) for each in f"{string.punctuation} " if each not in "._"}
_SHOWN = {hidden: plain for plain, hidden in _HIDDEN.items()} | {ord(OPENED): "{", ord(CLOSED): "}"}
_BRACES = tuple(each.translate(_HIDDEN) for each in ("{{", "}}"))
_PLACEHOLDER = re.compile(
    rf"{_BRACES[0]}.*?{_BRACES[1]}|"
    rf"\${OPENED}[^{CLOSED}]*{CLOSED}|"
    r"\$\{\{.*?\}\}|\$\{[^}]*\}|\$\([^)]*\)|\$[A-Za-z_]\w*|\{\{.*?\}\}|^ENC\[|<%.*?%>"
)
#: How functions of a template are written as keys: ``Fn::Sub``, ``Ref``.
FUNCTION = "Fn::"
REFERENCE = "Ref"


def held_in(node: Node, *, env: bool = True) -> str | None:
    """What holds a value that is not written here, in words; ``None`` when it is written.

    ``env`` is whether the agent takes ``{env: NAME}`` for a variable of its environment.
    """
    if node.kind is NodeKind.BROKEN:
        return str(node.value)
    variable = node.get("env") if env else None
    if variable is not None:
        return f"the environment variable {variable.value}"
    function = function_of(node)
    if function is not None:
        return "a template's function"
    return placeholder_in(node.text)


def placeholder_in(text: str | None) -> str | None:
    """The first part of a text that stands for another text, in words."""
    found = None if text is None else _PLACEHOLDER.search(text)
    if found is None:
        return None
    if found[0] == "ENC[":
        return "an encrypted value"
    return f"the variable {as_written(found[0])}"


def veiled(text: str) -> str:
    """A part of a template in signs that YAML takes for text, as many as there were."""
    return text.translate(_HIDDEN)


def as_written(text: str) -> str:
    """A text with the signs that its file has."""
    return text.translate(_SHOWN)


def function_of(node: Node) -> tuple[str, Node] | None:
    """The name and the argument, when a mapping calls a function of a template."""
    if not node.is_mapping or len(node.entries) != 1:
        return None
    (entry,) = node.entries
    name = entry.key.text or ""
    if name == REFERENCE:
        return name, entry.value
    return (name.removeprefix(FUNCTION), entry.value) if name.startswith(FUNCTION) else None
