"""Faults of a pool whose code runs in containers: the place, and its part of the matrix."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.support.containers import images
from tests.support.containers.docker import Docker
from tests.support.containers.pool import Containers
from tests.support.faults import faults, targets
from tests.support.faults.bench import Cell, launched, running, starting
from tests.support.faults.cells import EXIT_SECONDS, cells, victims
from tests.support.faults.places import CODE, IMAGE, PEX, Place, Runs, deploy_pex, place_with
from tests.support.faults.verdicts import Failure

_KILLED = Failure(r"was killed")


@contextmanager
def up_in_containers(folder: Path) -> Iterator[Place]:
    """``dagstead up``, with SQLite, and a Docker daemon that runs already."""
    docker = Docker(folder=folder / "docker-client")
    for each in (docker.folder, folder / "image"):
        each.mkdir()
    image = images.location_image(docker, folder / "image")

    def bring(place: Place) -> None:
        deploy_pex(place)
        place.deployment.deploy(IMAGE, CODE.stem, image=image)

    runs = Runs(bring=bring, launchers=(PEX, IMAGE), load=(PEX, IMAGE, PEX), scheduled=(PEX, IMAGE))
    backend = Containers(docker=docker, base_image=images.agent_image(docker))
    with place_with(folder, backend, runs) as place:
        yield place


_HERE = (up_in_containers,)

CONTAINER_CELLS: Sequence[Cell[Any]] = [
    *cells(faults.kill, targets.pool, places=_HERE),
    # The next agent knows which runs have no container, and they are launched again.
    *cells(
        faults.kill,
        targets.pool,
        places=_HERE,
        moments=[starting],
        knowable_seconds=EXIT_SECONDS,
    ),
    *cells(faults.kill, targets.pool_code_servers, places=_HERE),
    *cells(
        # The pool knows that the run had not started, and launches it again.
        faults.kill,
        targets.worker,
        places=_HERE,
        moments=[launched],
        victim=PEX,
        knowable_seconds=EXIT_SECONDS,
    ),
    *victims(
        running,
        targets.worker,
        {PEX: (_KILLED, EXIT_SECONDS), IMAGE: (_KILLED, EXIT_SECONDS)},
        places=_HERE,
    ),
]
