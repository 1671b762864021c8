"""Real repositories' configuration, which is read and never copied."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from tests.support.environments import REPOSITORY

_VARIABLE = "DAGSTEAD_CORPUS"
#: A folder with fewer is not the corpus.
FEWEST_REPOSITORIES = 50


def corpus() -> list[Path]:
    """The folders of real repositories; they lie beside the clone unless the variable says so."""
    folder = Path(os.environ.get(_VARIABLE) or REPOSITORY.parent / "shared" / "corpus")
    if folder.is_dir():
        return sorted(each for each in folder.iterdir() if each.is_dir())
    sentence = f"The corpus is not in {folder.name}: set {_VARIABLE} to the folder that holds it."
    if os.environ.get("CI"):
        pytest.fail(sentence)
    sys.stderr.write(f"not run: {sentence}\n")
    return []
