"""No setting of the machine reaches git."""

from __future__ import annotations

import os

import pytest

from tests.unit.repository.changes.git_repositories import ENVIRONMENT


@pytest.fixture(autouse=True)
def _own_git(monkeypatch: pytest.MonkeyPatch) -> None:
    for key in os.environ:
        if key.startswith("GIT_"):
            monkeypatch.delenv(key)
    for key, value in ENVIRONMENT.items():
        if key.startswith("GIT_"):
            monkeypatch.setenv(key, value)
