"""An image registry on 127.0.0.1, which every Docker daemon of the machine trusts."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from dagstead.testing.waiting import eventually
from tests.support.debian import container_program
from tests.support.ports import free_port
from tests.support.processes import ChildProcess


@dataclass(frozen=True, kw_only=True)
class Registry:
    """A running registry without a login."""

    #: Such as ``127.0.0.1:5000``: what image names begin with.
    address: str

    def repository(self, name: str) -> str:
        """The full name of a repository here, as ``build.registry`` has it."""
        return f"{self.address}/{name}"


@contextmanager
def running_registry(folder: Path) -> Iterator[Registry]:
    """Start a registry that keeps everything in ``folder``."""
    address = f"127.0.0.1:{free_port()}"
    # JSON is YAML.
    configuration = {
        "version": 0.1,
        "log": {"level": "warn"},
        "storage": {
            "filesystem": {"rootdirectory": str(folder / "data")},
            "delete": {"enabled": True},
        },
        "http": {"addr": address},
    }
    (folder / "registry.yml").write_text(json.dumps(configuration), encoding="utf-8")
    registry = container_program("/usr/bin/docker-registry")
    command: list[str | Path] = [registry, "serve", folder / "registry.yml"]
    with ChildProcess(command, log=folder / "registry.log"):
        eventually(
            lambda: httpx.get(f"http://{address}/v2/", trust_env=False).is_success,
            30,
            "the registry's answer",
            retry_on=(httpx.TransportError,),
        )
        yield Registry(address=address)
