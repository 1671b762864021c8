"""The command line as a person meets it."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import pytest

from dagstead.cli import main
from dagstead.server.private_files import UMASK_VARIABLE
from tests.unit.cli.planes import Served, served


@dataclass(frozen=True, kw_only=True)
class Said:
    """What a command printed, and how it ended."""

    out: str
    err: str
    code: int


Command: TypeAlias = Callable[..., Said]


@pytest.fixture
def dagstead(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> Iterator[Command]:
    """Run a command in this process, on a data folder of the test's own."""
    monkeypatch.setenv("DAGSTEAD_DATA", str(tmp_path / "data"))
    monkeypatch.setenv(UMASK_VARIABLE, "022")
    # The program's name is taken from what Python was started with, as `python -m pytest`.
    monkeypatch.setattr(sys.modules["__main__"], "__package__", None, raising=False)

    def run(*arguments: str) -> Said:
        monkeypatch.setattr(sys, "argv", ["dagstead", *arguments])
        code = 0
        try:
            main()
        except SystemExit as ended:
            code = ended.code if isinstance(ended.code, int) else int(ended.code is not None)
        captured = capsys.readouterr()
        return Said(out=captured.out, err=captured.err, code=code)

    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    umask = os.umask(0o022)
    yield run
    # It may have made itself write privately.
    os.umask(umask)
    # A command may have sent all logs to this test's standard error, which ends with the test.
    root.handlers[:] = handlers
    root.setLevel(level)


@pytest.fixture(scope="module")
def plane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with served(tmp_path_factory.mktemp("plane")) as plane:
        yield plane


@pytest.fixture
def nothing_chosen(dagstead: Command, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Command:
    """The command line without a folder, an address or a saved login, in the test's own folder."""
    for name in ("DAGSTEAD_DATA", "DAGSTER_CLOUD_URL", "DAGSTER_CLOUD_API_TOKEN", "GITHUB_ACTIONS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.chdir(tmp_path)
    return dagstead


@pytest.fixture
def remote(nothing_chosen: Command, plane: Served, monkeypatch: pytest.MonkeyPatch) -> Command:
    """The command line over HTTP, with an unlimited token."""
    monkeypatch.setenv("DAGSTER_CLOUD_URL", plane.url)
    monkeypatch.setenv("DAGSTER_CLOUD_API_TOKEN", plane.token())
    return nothing_chosen
