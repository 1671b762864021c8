"""What is said of the walls: what stands, and what does not."""

from __future__ import annotations

import json

import pytest

from dagstead.serverless.sandbox.walls import Level, Walls

WHOLE = Walls(
    users=(70000, 79999),
    bubblewrap="/usr/bin/bwrap",
    landlock=7,
    seccomp=True,
    cgroups=True,
    loopback=True,
)


@pytest.mark.parametrize(
    ("walls", "level", "said"),
    [
        (WHOLE, 1, "level 1: users 70000 to 79999, bubblewrap, Landlock 7, seccomp; limits by "),
        (Walls(bubblewrap="bwrap", landlock=5), 2, "level 2: bubblewrap, Landlock 5, NO seccomp; "),
        (Walls(landlock=3, seccomp=True), 3, "level 3: Landlock 3, seccomp; "),
        (Walls(seccomp=True), 4, "level 4: NO walls around user code; "),
    ],
)
def test_the_line_names_what_stands_and_what_is_open(walls: Walls, level: int, said: str) -> None:
    assert walls.level is Level(level)
    assert walls.line.startswith(said)
    assert walls.line.endswith(f"loopback {'closed' if walls.loopback else 'OPEN to user code'}")


def test_walls_are_handed_on_as_they_are() -> None:
    for walls in (WHOLE, Walls(reasons=("no bwrap",))):
        assert Walls.from_json(json.loads(json.dumps(walls.as_json()))) == walls
