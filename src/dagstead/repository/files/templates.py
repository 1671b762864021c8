"""``dagster_cloud.yaml`` as a Jinja template, rendered as ``dagster-cloud ci template`` does.

The other official commands read the file as it is.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dagstead.model.source import SourceText
from dagstead.repository.files.yaml_reader import Problem

_TAG = re.compile(r"\{\{.*?\}\}|\{%.*?%\}|\{#.*?#\}", re.DOTALL)
_COMMENT = re.compile(r"(?:^|(?<=\s))#(?!\}).*")
#: Characters of a private area carry the number of their line through the rendering.
_OPEN, _CLOSE = "\ue000", "\ue001"
_MARK = re.compile(f"{_OPEN}(\\d+){_CLOSE}")


@dataclass(frozen=True, kw_only=True, slots=True)
class TemplateValues:
    """What a template is rendered with."""

    variables: Mapping[str, Any]
    #: What its ``get_env`` function sees.
    environment: Mapping[str, str]


@dataclass(frozen=True, kw_only=True, slots=True)
class RenderResult:
    """A template's outcome: the text, or why there is none."""

    source: SourceText
    problem: Problem | None = None
    #: Variables that it uses and that were not given, in alphabetical order.
    missing: tuple[str, ...] = ()


def find_tag(source: SourceText) -> tuple[int, int] | None:
    """Where the first Jinja tag outside of a YAML comment is, ``None`` for no template."""
    if "{{" not in source.text and "{%" not in source.text:
        return None
    offset = 0
    for line in source.text.splitlines(keepends=True):
        found = re.search(r"\{\{|\{%", _COMMENT.sub("", line))
        if found:
            return offset + found.start(), offset + found.end()
        offset += len(line)
    return None


def render(source: SourceText, folder: Path, values: TemplateValues) -> RenderResult:
    """Render a template. Includes come from its folder; what it runs is sandboxed."""
    import jinja2  # noqa: PLC0415 - slow to import, and hardly ever needed
    import jinja2.meta  # noqa: PLC0415
    import jinja2.sandbox  # noqa: PLC0415
    import yaml  # noqa: PLC0415

    environment = jinja2.sandbox.SandboxedEnvironment(
        loader=jinja2.FileSystemLoader(folder),
        autoescape=False,
    )
    environment.filters["to_yaml"] = yaml.dump
    environment.globals["get_env"] = lambda name, default="": values.environment.get(name, default)
    try:
        used = jinja2.meta.find_undeclared_variables(environment.parse(source.text))
        text = environment.from_string(_marked(source.text)).render(values.variables)
    except jinja2.TemplateSyntaxError as error:
        return RenderResult(source=source, problem=_problem(source, error, error.lineno))
    except Exception as error:  # noqa: BLE001 - a template can raise anything
        return RenderResult(source=source, problem=_problem(source, error, 1))
    missing = sorted(used - values.variables.keys() - environment.globals.keys())
    return RenderResult(source=_unmarked(source, text), missing=tuple(missing))


def _problem(source: SourceText, error: Exception, line: int) -> Problem:
    start = source.offset(line, 1)
    return Problem(message=f"{type(error).__name__}: {error}", start=start, end=start)


def _marked(text: str) -> str:
    """The template with a mark before the first character of each line that is plain text."""
    inside = [match.span() for match in _TAG.finditer(text)]
    pieces: list[str] = []
    offset = 0
    for number, line in enumerate(text.splitlines(keepends=True), start=1):
        first = offset + len(line) - len(line.lstrip())
        plain = line.strip() and not any(start <= first < end for start, end in inside)
        if plain:
            at = first - offset
            pieces.append(f"{line[:at]}{_OPEN}{number}{_CLOSE}{line[at:]}")
        else:
            pieces.append(line)
        offset += len(line)
    return "".join(pieces)


def _unmarked(source: SourceText, text: str) -> SourceText:
    pieces: list[str] = []
    line_map = [(0, 1)]
    length = done = 0
    for mark in _MARK.finditer(text):
        piece = text[done : mark.start()]
        pieces.append(piece)
        length += len(piece)
        line_map.append((length, int(mark[1])))
        done = mark.end()
    pieces.append(text[done:])
    return SourceText(file=source.file, text="".join(pieces), line_map=tuple(line_map))
