"""For folders whose tests drive official commands: what they saw is compared with what is kept."""

from __future__ import annotations

from collections.abc import Generator

import pytest

from tests.support.command_records import FIXTURES, Recorder, difference, write

_RECORDER = pytest.StashKey[Recorder]()


@pytest.fixture(scope="session")
def command_recorder(request: pytest.FixtureRequest) -> Recorder:
    """Give it to whatever runs official commands."""
    return request.config.stash.setdefault(_RECORDER, Recorder())


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None]:
    """What a test that passes saw of the official commands is what the compatibility page says."""
    recorder = item.config.stash.setdefault(_RECORDER, Recorder())
    before = recorder.take()
    try:
        yield
    finally:
        seen = recorder.take()
    differences = []
    for test, noted in ((FIXTURES, before), (item.name, seen)):
        if difference(item.path, test, noted) and item.config.getoption("--write-records"):
            write(item.path, test, noted)
        differences.append(difference(item.path, test, noted))
    if any(differences):
        pytest.fail("\n".join(filter(None, differences)), pytrace=False)
