"""The command reference, ``docs/reference/commands.md``, made from the commands."""

from __future__ import annotations

import inspect
import re
import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any

_EXAMPLES = re.compile(r"^For example:[ \n]*", re.MULTILINE)
_EXAMPLE = re.compile(r"`([^`]+)`\s*(.*)", re.DOTALL)
#: A call of ours inside a line of shell: up to a pipe, a redirection or the end of ``$(...)``.
_CALL = re.compile(r"\bdagstead((?: +(?:'[^']*'|[^\s'|>)&]+))*)")
_PANELS = ("Run", "Repository", "Control plane")
_DEFAULT_PANEL = "Control plane"
_INTRODUCTION = (
    """
    `dagstead COMMAND --help` prints the same text. This page is made from the code by
    `make reference`.
    """,
    """
    Results go to standard output, remarks to standard error. The exit code is 0 for
    success, 1 for a failure or a finding, 2 for a mistake in the arguments or the configuration. In
    a pipe, tables become tab-separated lines, and nothing is coloured or cut; `NO_COLOR=1` turns
    colours off on a terminal, too. `dagstead --install-completion` lets your shell complete
    commands, their options and the names of your locations.
    """,
)
_WIDTH = 100
_HELP = frozenset({"help", "install_completion", "show_completion"})


@dataclass(frozen=True, kw_only=True, slots=True)
class CommandHelp:
    """The help of a command, in parts."""

    #: After ``dagstead``: ``("token", "create")``.
    words: tuple[str, ...]
    #: The heading under which it is listed.
    panel: str
    #: Paragraphs, the summary first.
    paragraphs: tuple[str, ...]
    #: A line of shell, and what it does; empty where that is obvious.
    examples: tuple[tuple[str, str], ...]
    #: The command itself, which parses arguments.
    command: Any

    @property
    def title(self) -> str:
        """The command as people type it."""
        return " ".join(("dagstead", *self.words))


def every_command(root: Any) -> Iterator[CommandHelp]:
    """Every command of the tree that does something, group by group, in order."""
    waiting = [((), root, _DEFAULT_PANEL)]
    while waiting:
        words, command, panel = waiting.pop()
        below = getattr(command, "commands", None)
        if below is None:
            yield _help(words, command, panel)
            continue
        inner = [
            ((*words, name), each, getattr(each, "rich_help_panel", None) or panel)
            for name, each in below.items()
            if not each.hidden
        ]
        waiting += [
            (path, each, found if isinstance(found, str) else panel)
            for path, each, found in reversed(inner)
        ]


def calls_in(line: str) -> Iterator[str]:
    """The arguments of every call of ``dagstead`` in a line of shell."""
    return (found[1].strip() for found in _CALL.finditer(line))


def command_page(root: Any) -> str:
    """The whole reference in Markdown."""
    commands = list(every_command(root))
    parts = ["# Commands", *map(_filled, _INTRODUCTION)]
    for panel in _PANELS:
        parts.append(f"## {panel}")
        for each in commands:
            if each.panel == panel:
                parts += _section(each)
    return "\n\n".join(parts) + "\n"


def _help(words: tuple[str, ...], command: Any, panel: str) -> CommandHelp:
    text = inspect.cleandoc(command.help or "")
    before, _, after = _partition(text)
    return CommandHelp(
        words=words,
        panel=panel,
        paragraphs=tuple(_joined(each) for each in before.split("\n\n") if each.strip()),
        examples=tuple(_examples(after)),
        command=command,
    )


def _partition(text: str) -> tuple[str, str, str]:
    found = _EXAMPLES.search(text)
    if found is None:
        return text, "", ""
    return text[: found.start()], found[0], text[found.end() :]


def _examples(text: str) -> Iterator[tuple[str, str]]:
    for paragraph in text.split("\n\n"):
        found = _EXAMPLE.match(paragraph.strip().removeprefix("- ").strip())
        if found is not None:
            yield _joined(found[1]), _joined(found[2])


def _section(each: CommandHelp) -> list[str]:
    parts = [f"### {each.title}", *(_filled(_safe(one)) for one in each.paragraphs)]
    if each.examples:
        lines = [line for example in each.examples for line in _example(*example)]
        parts.append("\n".join(["```bash", *lines, "```"]))
    parameters = [one for one in each.command.params if one.name not in _HELP and not one.hidden]
    if parameters:
        rows = [_row(one) for one in parameters]
        parts.append("\n".join(["| option | | |", "| --- | --- | --- |", *rows]))
    return parts


def _example(line: str, what: str) -> Sequence[str]:
    return (f"# {what[:1].upper()}{what[1:]}.", line) if what else (line,)


def _row(parameter: Any) -> str:
    is_option = parameter.param_type_name == "option"
    names = [*parameter.opts, *parameter.secondary_opts]
    shown = ", ".join(f"`{each}`" for each in (names if is_option else [parameter.name.upper()]))
    if is_option and not parameter.is_flag:
        shown = f"{shown} {_value(parameter)}".rstrip()
    facts = ["required"] if parameter.required else _default(parameter)
    if parameter.envvar:
        facts.append(f"`{parameter.envvar}` in the environment")
    return f"| {shown} | {_safe(parameter.help or '')} | {'; '.join(facts)} |"


def _value(parameter: Any) -> str:
    """What follows an option: its possible values if they are few, else a placeholder."""
    annotation = parameter.type_descriptor.annotation
    if parameter.metavar:
        return f"*{_safe(parameter.metavar)}*"
    if isinstance(annotation, type) and issubclass(annotation, Enum):
        return " or ".join(f"`{each.value}`" for each in annotation)
    return ""


def _default(parameter: Any) -> list[str]:
    value = parameter.default
    if not parameter.show_default or value in (None, "", (), [], False) or callable(value):
        return []
    return [f"default: `{_word(value)}`"]


def _word(value: Any) -> str:
    return str(getattr(value, "value", value))


def _safe(text: str) -> str:
    """The text with characters escaped that mean something in a table of Markdown."""
    outside = re.split(r"(`[^`]*`)", text)
    return "".join(
        part if part.startswith("`") else re.sub(r"([|*<\[])", r"\\\1", part) for part in outside
    )


def _filled(text: str) -> str:
    return textwrap.fill(_joined(text), _WIDTH, break_long_words=False, break_on_hyphens=False)


def _joined(text: str) -> str:
    return " ".join(text.split())
