"""Ranges of Python versions in the words of Poetry and of conda, as those of Python packages."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable

from packaging.specifiers import InvalidSpecifier, SpecifierSet

_ALTERNATIVES = re.compile(r"\s*\|\|?\s*")
#: Between the parts of a range: a comma, or the blank before the next operator.
_PARTS = re.compile(r"\s*,\s*|\s+(?=[\^~<>=!])")
_PART = re.compile(r"(?P<operator>\^|~=|~|===?|=|!=|<=?|>=?)?\s*(?P<version>\d[\w.*+!-]*|\*)")
_WITHIN = re.compile(r"\[.*?version\s*=\s*(['\"])(?P<range>.+?)\1.*\]")
#: What follows a version and "=" or a blank is the name of a build.
_BUILD_NAME = re.compile(r"(?<=[\d*])(?:=|\s+(?=[\w*]))[^,|]*")

_ORDERING = ("<", "<=", ">", ">=")

_Translate = Callable[[str, str], Iterable[str]]


def from_poetry(text: str) -> tuple[SpecifierSet, ...]:
    """``^3.9``, ``~3.11``, ``>=3.9,<3.13`` and ``^3.9 || ^3.12``: one set for each alternative.

    Raises:
        InvalidSpecifier: when it is none.
    """
    return tuple(_set(each, _poetry) for each in _ALTERNATIVES.split(text.strip()))


def from_conda(text: str) -> tuple[SpecifierSet, ...]:
    """``=3.12``, ``3.12.*``, ``>=3.10,<3.13``, ``[version='>=3.10']``, ``3.11.*|3.12.*``.

    The same holds for pixi, which takes conda's words, and for the versions of a Pipfile.

    Raises:
        InvalidSpecifier: when it is none.
    """
    within = _WITHIN.fullmatch(text.strip())
    written = _BUILD_NAME.sub("", within["range"] if within else text.strip())
    return tuple(_set(each, _conda) for each in _ALTERNATIVES.split(written))


def _set(text: str, translate: _Translate) -> SpecifierSet:
    words: list[str] = []
    for part in _PARTS.split(text):
        found = _PART.fullmatch(part)
        if found is None:
            msg = f"{part!r} is not a range of versions"
            raise InvalidSpecifier(msg)
        operator, version = found["operator"] or "", found["version"]
        if version == "*":
            continue
        if operator in _ORDERING:
            words.append(f"{operator}{version.removesuffix('.*')}")
        else:
            words += translate(operator, version)
    return SpecifierSet(",".join(words))


def _poetry(operator: str, version: str) -> Iterable[str]:
    match operator:
        case "^":
            return f">={version}", f"<{_bumped(version, 1)}"
        case "~":
            return f">={version}", f"<{_bumped(version, 2)}"
        case "" | "=":
            return (f"=={version}",)
        case _:
            return (f"{operator}{version}",)


def _conda(operator: str, version: str) -> Iterable[str]:
    if operator in {"", "="}:
        return (f"=={version.removesuffix('.*')}.*",)
    return (f"{operator}{version}",)


def _bumped(version: str, most: int) -> str:
    """The first version with another major, or another minor where ``most`` is 2 and it has one."""
    numbers = [int(each) for each in re.findall(r"\d+", version)[:most]]
    return ".".join(map(str, (*numbers[:-1], numbers[-1] + 1)))
