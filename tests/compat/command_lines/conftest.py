"""One control plane with two official agents for all tests of this folder."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.cli_site import Site, running_site
from tests.support.command_records import Recorder
from tests.support.official_cli import OfficialCli


@pytest.fixture(scope="package")
def site(tmp_path_factory: pytest.TempPathFactory, command_recorder: Recorder) -> Iterator[Site]:
    """Running, with the location ``toy``: for commands that only look or launch."""
    with running_site(tmp_path_factory.mktemp("site"), command_recorder) as running:
        running.prod.deploy("toy", "compat_definitions")
        running.prod.wait_until_loaded("toy")
        yield running


@pytest.fixture
def cli(site: Site, tmp_path: Path) -> OfficialCli:
    """The command lines of one CI job."""
    return site.cli(tmp_path)
