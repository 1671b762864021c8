"""Expressions of CI in generated files: those that are made here are written, and no others.

A name or a folder of a repository may have the form of an expression. CI fills expressions in
before a shell or an action sees the text, so quotes do not help against them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from dagstead.errors import InvalidInputError
from dagstead.repository.files.yaml_text import CommentedValue, Yaml

#: Around an expression until it is written. No text of a plan has them: they cannot be printed.
_BEGIN, _END = "\ue000", "\ue001"

#: What GitHub and GitLab fill in wherever it stands.
_FOREIGN = re.compile(r"\$\{\{|\$\[\[")


def expression(text: str) -> str:
    """An expression of GitHub Actions, for a document that goes through :func:`written`."""
    return f"{_BEGIN}{text}{_END}"


def is_filled_in(text: str) -> bool:
    """Whether CI would replace a part of a text."""
    return _FOREIGN.search(text) is not None


def written(document: Mapping[str, Yaml]) -> dict[str, Yaml]:
    """A document with its expressions as CI reads them.

    Raises:
        InvalidInputError: when a text has an expression that was not made by :func:`expression`.
    """
    return {_text(key): _value(value) for key, value in document.items()}


def _value(value: Yaml) -> Yaml:
    if isinstance(value, CommentedValue):
        return CommentedValue(_value(value.value), behind=value.behind, above=value.above)
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, Mapping):
        return written(value)
    if isinstance(value, Sequence):
        return [_value(each) for each in value]
    return value


def _text(text: str) -> str:
    found = _FOREIGN.search(text)
    if found is not None:
        line = next(each for each in text.splitlines() if _FOREIGN.search(each))
        msg = f"{line.strip()!r} cannot be written: CI would fill in {found[0]!r}. Leave that out."
        raise InvalidInputError(msg)
    return text.replace(_BEGIN, "${{ ").replace(_END, " }}")
