"""Real Helm against a fake cluster, and the schemas that Kubernetes checks manifests with."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import yaml

from tests.support.environments import chart_environment
from tests.support.fake_kubernetes import FakeKubernetes

_WORKER = Path(__file__).parent / "programs" / "helm_worker.py"


class HelmRefusedError(Exception):
    """Helm did not do it: what it said."""


@dataclass(frozen=True, kw_only=True)
class Release:
    """What an installation made."""

    documents: Sequence[dict[str, Any]]
    notes: str

    def one(self, kind: str, ending: str = "") -> dict[str, Any]:
        """The only object of a kind whose name ends so."""
        found = [each for each in self.all(kind) if each["metadata"]["name"].endswith(ending)]
        assert len(found) == 1, [each["metadata"]["name"] for each in self.all(kind)]
        return found[0]

    def all(self, kind: str) -> list[dict[str, Any]]:
        """All objects of a kind."""
        return [each for each in self.documents if each["kind"] == kind]


class Helm:
    """Helm in a process of its own, with its releases in memory. Use it as a context."""

    def __init__(self, cluster: FakeKubernetes, folder: Path) -> None:
        """Start it.

        Args:
            cluster: where it installs.
            folder: for its settings and what it says on the side.
        """
        settings = folder / "kubeconfig"
        settings.write_text(json.dumps(kubeconfig(cluster.url)), encoding="utf-8")
        environment = chart_environment()
        self._log = folder / "helm.log"
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                [environment.program("python"), _WORKER],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                env=environment.variables(
                    HELM_DRIVER="memory", KUBECONFIG=str(settings), HOME=str(folder)
                ),
            )

    def lint(self, chart: Path) -> Any:
        """What ``helm lint`` says of a chart with its own values."""
        return self._ask("lint", chart=str(chart))

    def install(
        self, chart: Path, values: Mapping[str, Any], *, release: str, namespace: str = "default"
    ) -> Release:
        """Install a chart.

        Raises:
            HelmRefusedError: with what Helm says.
        """
        return self._release("install", chart, values, release, namespace)

    def upgrade(
        self, chart: Path, values: Mapping[str, Any], *, release: str, namespace: str = "default"
    ) -> Release:
        """Upgrade a release.

        Raises:
            HelmRefusedError: with what Helm says.
        """
        return self._release("upgrade", chart, values, release, namespace)

    def uninstall(self, *, release: str, namespace: str = "default") -> None:
        """Remove a release."""
        self._ask("uninstall", release=release, namespace=namespace)

    def refused_by_schemas(self, release: Release, versions: Sequence[str]) -> list[str]:
        """What the strict schemas of these versions of Kubernetes find wrong."""
        answer: list[str] = self._ask(
            "validate", documents=list(release.documents), versions=list(versions)
        )
        return answer

    def remarks(self) -> str:
        """What Helm has said on the side so far: its warnings."""
        return self._log.read_text(encoding="utf-8")

    def __enter__(self) -> Self:
        """Nothing more."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """End it."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait(30)
        self._process.stdout.close()

    def _release(
        self, call: str, chart: Path, values: Mapping[str, Any], release: str, namespace: str
    ) -> Release:
        answer = self._ask(
            call, chart=str(chart), release=release, namespace=namespace, values=dict(values)
        )
        documents = [each for each in yaml.safe_load_all(answer["manifest"]) if each]
        return Release(documents=documents, notes=answer["info"].get("notes") or "")

    def _ask(self, call: str, **arguments: Any) -> Any:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps({"call": call, "arguments": arguments}) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        assert line, f"Helm's process ended:\n{self.remarks()}"
        reply = json.loads(line)
        if "refused" in reply:
            raise HelmRefusedError(reply["refused"])
        return reply["answer"]


def from_set(*arguments: str) -> dict[str, Any]:
    """The values that ``helm --set`` makes of such arguments; only what our tests write."""
    values: dict[str, Any] = {}
    for argument in arguments:
        place, _, text = argument.partition("=")
        spot: Any = values
        keys: list[str | int] = []
        for part in place.split("."):
            name, *indexes = part.removesuffix("]").replace("]", "").split("[")
            keys += [name, *map(int, indexes)]
        for key, following in zip(keys, [*keys[1:], None], strict=True):
            if isinstance(key, int):
                spot += [None] * (key + 1 - len(spot))
            if following is None:
                spot[key] = yaml.safe_load(text) if _TYPED.fullmatch(text) else text
            elif isinstance(key, int) or key not in spot:
                spot[key] = [] if isinstance(following, int) else {}
            spot = spot[key]
    return values


#: What is no text to ``--set``.
_TYPED = re.compile(r"true|false|null|0|[1-9]\d*")


def kubeconfig(url: str) -> dict[str, Any]:
    """What clients of Kubernetes are told of a cluster."""
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "fake", "cluster": {"server": url}}],
        "users": [{"name": "fake", "user": {}}],
        "contexts": [{"name": "fake", "context": {"cluster": "fake", "user": "fake"}}],
        "current-context": "fake",
    }
