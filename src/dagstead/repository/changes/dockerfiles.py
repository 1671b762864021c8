"""What an image is built from: the ``COPY``, ``ADD`` and ``RUN --mount`` of its Dockerfile."""

from __future__ import annotations

import json
import posixpath
import re
from collections.abc import Iterator
from dataclasses import dataclass

_DIRECTIVE = re.compile(r"^#\s*escape\s*=\s*([\\`])\s*$", re.IGNORECASE)
_INSTRUCTION = re.compile(r"\s*(?:ONBUILD\s+)?(?P<word>[A-Za-z]+)\s+(?P<rest>.*)", re.DOTALL)
_HEREDOC = re.compile(r"<<(?P<dash>-?)([\"']?)(?P<word>\w+)\2")
_FLAG = re.compile(r"\s*--(?P<name>[a-z-]+)(?:=(?P<value>\"[^\"]*\"|\S*))?")
_WORD = re.compile(r"\"(?:[^\"\\]|\\.)*\"|'[^']*'|(?:[^\s\\]|\\.)+", re.DOTALL)
_VARIABLE = re.compile(r"\$\{(\w+)(?::?-([^}]*))?\}|\$(\w+)")
_REMOTE = re.compile(r"[a-z+]+://|git@", re.IGNORECASE)


@dataclass(frozen=True, kw_only=True, slots=True)
class CopySource:
    """What an instruction takes from the build context."""

    line: int
    #: The instruction and the path, as a person would name them.
    what: str
    #: A normal path from the build context; ``.`` for all of it.
    path: str
    #: Whether ``path`` is only the folder above a pattern.
    is_cut: bool = False


def context_sources(text: str) -> Iterator[CopySource]:
    """The paths that a Dockerfile takes from its build context.

    Other stages, images and addresses are none. A path with a variable that has no default here is
    cut before it: all below counts.
    """
    defaults: dict[str, str] = {}
    for line, word, rest in _instructions(text):
        if word in {"ARG", "ENV"}:
            for name, value in re.findall(r"(\w+)=(\"[^\"]*\"|\S*)", rest):
                defaults[name] = value.strip('"')
        elif word in {"COPY", "ADD"}:
            yield from _copied(line, word, rest, defaults)
        elif word == "RUN":
            yield from _mounted(line, rest, defaults)


def _instructions(text: str) -> Iterator[tuple[int, str, str]]:
    """The number of the first line, the word in capitals, and the rest in one line."""
    lines = text.removeprefix("\ufeff").splitlines()
    escape = "\\"
    number = 0
    while number < len(lines):
        start = number
        directive = _DIRECTIVE.match(lines[number]) if start < 3 else None  # noqa: PLR2004
        escape = directive[1] if directive else escape
        whole = ""
        while number < len(lines):
            line = lines[number].rstrip()
            number += 1
            if line.lstrip().startswith("#") or (whole and not line):
                continue
            whole += line.removesuffix(escape)
            if not line.endswith(escape):
                break
            whole += " "
        found = _INSTRUCTION.match(whole)
        if found:
            yield start + 1, found["word"].upper(), found["rest"].strip()
            if found["word"].upper() in {"COPY", "ADD", "RUN"}:
                number = _behind_heredocs(lines, number, found["rest"])


def _behind_heredocs(lines: list[str], number: int, rest: str) -> int:
    for each in _HEREDOC.finditer(rest):
        end = number
        while end < len(lines):
            end += 1
            line = lines[end - 1]
            if (line.lstrip("\t") if each["dash"] else line) == each["word"]:
                number = end
                break
    return number


def _copied(line: int, word: str, rest: str, defaults: dict[str, str]) -> Iterator[CopySource]:
    flags, rest = _flags(rest)
    if "from" in flags:
        return
    for path in _arguments(rest)[:-1]:
        if not _HEREDOC.match(path) and not _REMOTE.match(path):
            yield _source(line, word, path, defaults)


def _mounted(line: int, rest: str, defaults: dict[str, str]) -> Iterator[CopySource]:
    for flag in re.findall(r"--mount=(\S+)", rest):
        options = dict(each.partition("=")[::2] for each in flag.split(","))
        if options.get("type", "bind") == "bind" and "from" not in options:
            path = options.get("source") or options.get("src") or "."
            yield _source(line, "RUN --mount", path, defaults)


def _flags(rest: str) -> tuple[dict[str, str], str]:
    flags = {}
    while found := _FLAG.match(rest):
        flags[found["name"]] = found["value"] or ""
        rest = rest[found.end() :]
    return flags, rest.strip()


def _arguments(rest: str) -> list[str]:
    if rest.startswith("["):
        try:
            listed = json.loads(rest)
        except ValueError:
            listed = None
        if isinstance(listed, list):
            return [str(each) for each in listed]
    return [each.strip("\"'") for each in _WORD.findall(rest)]


def _source(line: int, word: str, path: str, defaults: dict[str, str]) -> CopySource:
    filled = _VARIABLE.sub(
        lambda found: defaults.get(found[1] or found[3], found[2] or found[0]), path
    )
    cut = re.search(r"[*?\[$]", filled)
    if cut:
        filled = filled[: cut.start()].rpartition("/")[0] or "."
    # Docker lets no path leave the context.
    normal = posixpath.normpath("/" + filled).lstrip("/") or "."
    return CopySource(line=line, what=f"{word} {path}", path=normal, is_cut=cut is not None)
