"""Rules of nftables: those of pools that were killed are removed, those of others never."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path

import pytest

from dagstead.serverless.home import PoolHome
from dagstead.serverless.sandbox.loopback import Loopback, remove_left_behind
from dagstead.serverless.sandbox.nftables import carry_out
from dagstead.serverless.sandbox.sandbox import Sandbox
from dagstead.serverless.sandbox.table_owner import TableOwner
from dagstead.serverless.sandbox.walls import Walls

#: Of no pool by itself: these have numbers that begin at a multiple of 10,000.
_FIRST = 2_099_000_100
_OWN = (_FIRST, _FIRST + 99)
_OTHER = (_FIRST + 100, _FIRST + 199)

_POOL = """
import sys
from dagstead.serverless.sandbox.loopback import Loopback
Loopback(users=({}, {})).close(1)
print("closed", flush=True)
sys.stdin.read()
"""


@pytest.fixture(autouse=True)
def nothing_stays() -> Iterator[None]:
    yield
    for users in (_OWN, _OTHER):
        with suppress(OSError):
            Loopback(users=users).open()


def has_rules(users: tuple[int, int]) -> bool:
    return f"table inet dagstead_pool_{users[0]}\n" in carry_out("list tables inet\n")


@contextmanager
def pool(users: tuple[int, int]) -> Iterator[subprocess.Popen[str]]:
    """A process that has set the rules, as a pool does."""
    process = subprocess.Popen(
        [sys.executable, "-c", _POOL.format(*users)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with process:
        assert process.stdout is not None
        assert process.stdout.readline() == "closed\n"
        try:
            yield process
        finally:
            process.kill()


def test_a_pool_that_starts_removes_the_rules_of_one_that_was_killed(tmp_path: Path) -> None:
    walls = Walls(users=_OTHER, loopback=True)
    sandbox = Sandbox(home=PoolHome(root=tmp_path), walls=walls)
    with pool(_OWN) as process:
        sandbox.close_loopback(1)
        assert has_rules(_OWN), "it lives"
        process.kill()
    assert has_rules(_OWN), "it was killed hard"

    sandbox.close_loopback(1)

    assert not has_rules(_OWN)
    assert has_rules(_OTHER)
    sandbox.open_loopback()
    assert not has_rules(_OTHER)


def test_the_rules_stay_while_code_that_it_has_started_runs() -> None:
    with pool(_OWN) as process:
        process.kill()
    with subprocess.Popen(["sleep", "600"], user=_OWN[0] + 1, group=_OWN[0] + 1) as code:
        try:
            remove_left_behind()
            assert has_rules(_OWN)
        finally:
            code.kill()
    remove_left_behind()
    assert not has_rules(_OWN)


def _began_before(owner: TableOwner) -> TableOwner:
    return replace(owner, started=owner.started - 1)


def _of_a_container(owner: TableOwner) -> TableOwner:
    return replace(_began_before(owner), namespaces="1.1")


@pytest.mark.parametrize(
    ("changed", "stays"),
    [
        (lambda owner: owner, True),
        # Its number is that of another process now.
        (_began_before, False),
        (_of_a_container, True),
    ],
    ids=["this process", "another one had its number", "in another namespace"],
)
def test_only_the_rules_of_a_process_that_has_certainly_ended_are_removed(
    changed: Callable[[TableOwner], TableOwner], *, stays: bool
) -> None:
    owner = changed(TableOwner.of_this_process(_OWN))
    assert owner.pid == os.getpid()
    table = f"table inet dagstead_pool_{_OWN[0]}"
    carry_out(f'{table} {{ chain output {{ accept comment "{owner.remark}"; }}; }}\n')
    remove_left_behind()
    assert has_rules(_OWN) is stays


def test_rules_without_an_owner_stay() -> None:
    """Versions before named none, and one of these may run."""
    carry_out(f"table inet dagstead_pool_{_OWN[0]} {{ chain output {{ accept; }}; }}\n")
    remove_left_behind()
    assert has_rules(_OWN)
