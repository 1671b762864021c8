"""Ranges of Python versions in the words of other tools."""

from __future__ import annotations

import pytest
from packaging.specifiers import SpecifierSet

from dagstead.repository.python.demands import PythonDemand
from dagstead.repository.python.pins import SUPPORTED
from dagstead.repository.python.ranges import from_conda, from_poetry


@pytest.mark.parametrize(
    ("written", "allowed"),
    [
        ("^3.11", "3.11 3.12 3.13 3.14"),
        ("^3", "3.10 3.11 3.12 3.13 3.14"),
        ("~3.11", "3.11"),
        ("~3.11.4", "3.11"),
        ("~3", "3.10 3.11 3.12 3.13 3.14"),
        (">=3.9,<3.13", "3.10 3.11 3.12"),
        (">=3.9 <3.13", "3.10 3.11 3.12"),
        (">3.11", "3.11 3.12 3.13 3.14"),
        ("3.12", "3.12"),
        ("3.12.*", "3.12"),
        ("*", "3.10 3.11 3.12 3.13 3.14"),
        ("~3.10 || ~3.13", "3.10 3.13"),
        (">=3.10,!=3.11.*", "3.10 3.12 3.13 3.14"),
        ("~=3.12", "3.12 3.13 3.14"),
    ],
)
def test_ranges_in_poetrys_words(written: str, allowed: str) -> None:
    assert within(from_poetry(written)) == allowed


@pytest.mark.parametrize(
    ("written", "allowed"),
    [
        ("=3.12", "3.12"),
        ("=3.12.4", "3.12"),
        ("3.12.*", "3.12"),
        ("3.12.* *_cpython", "3.12"),
        ("=3.12=hab00c5b_0_cpython", "3.12"),
        (">=3.11,<3.13", "3.11 3.12"),
        (">=3.11, <3.13.0a0", "3.11 3.12"),
        ("3.11.*|3.13.*", "3.11 3.13"),
        ("[version='>=3.13']", "3.13 3.14"),
        ("==3.12.*", "3.12"),
        ("*", "3.10 3.11 3.12 3.13 3.14"),
    ],
)
def test_ranges_in_condas_words(written: str, allowed: str) -> None:
    assert within(from_conda(written)) == allowed


def within(ranges: tuple[SpecifierSet, ...]) -> str:
    demand = PythonDemand(key="python", written="", ranges=ranges)
    return " ".join(version for version in SUPPORTED if demand.allows(version))
