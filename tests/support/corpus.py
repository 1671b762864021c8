"""Real repositories' configuration, which is read and never copied."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from tests.support.environments import REPOSITORY

_VARIABLE = "DAGSTEAD_CORPUS"
#: A folder with fewer is not the corpus.
FEWEST_REPOSITORIES = 50


def corpus_folder(variables: Mapping[str, str] = os.environ) -> Path:
    """Where real repositories lie: beside the clone unless the variable says so."""
    return Path(variables.get(_VARIABLE) or REPOSITORY.parent / "shared" / "corpus")


def repositories_in(folder: Path) -> list[Path]:
    """The folders of real repositories.

    Raises:
        FileNotFoundError: with how to provide them, when they are not there.
    """
    found = sorted(entry for entry in folder.glob("*") if entry.is_dir())
    if len(found) < FEWEST_REPOSITORIES:
        msg = (
            f"The corpus is not in {str(folder)!r}: it has {len(found)} folders, and there are at "
            f"least {FEWEST_REPOSITORIES} real repositories. Set {_VARIABLE} to the folder that "
            f"holds one folder for each repository, or leave these tests out: "
            f'make test PYTEST_ARGS="--without-corpus"'
        )
        raise FileNotFoundError(msg)
    return found
