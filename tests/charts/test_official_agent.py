"""What the official agent makes of the chart: its configuration, its rights, what it starts."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.charts.sets import AGENT, AGENT_SETS, KUBERNETES
from tests.support.environments import chart_environment
from tests.support.fake_kubernetes import FakeKubernetes
from tests.support.helm import Helm, Release, kubeconfig

PROGRAM = Path(__file__).parents[1] / "support" / "programs" / "official_launcher.py"

SETS = {name: AGENT_SETS[name] for name in ("queues", "elsewhere", "large")}

#: A pod of whatever is asked for: the fake does not select.
POD = {
    "apiVersion": "v1",
    "kind": "Pod",
    "metadata": {"name": "started"},
    "spec": {"containers": [{"name": "dagster"}]},
    "status": {
        "phase": "Failed",
        "containerStatuses": [
            {
                "name": "dagster",
                "image": "weather",
                "imageID": "weather",
                "ready": False,
                "restartCount": 0,
                "state": {"terminated": {"exitCode": 1}},
            }
        ],
    },
}
REPLICAS = {"apiVersion": "apps/v1", "kind": "ReplicaSet", "metadata": {"name": "started"}}

_PATH = re.compile(
    r"/(?:api|apis/(?P<group>[^/]+))/v1/namespaces/(?P<space>[^/]+)/(?P<kind>\w+)"
    r"(?:/(?P<name>[^/]+)(?P<below>/\w+)?)?"
)
_VERBS = {"POST": "create", "PUT": "update", "PATCH": "patch", "DELETE": "delete"}


@dataclass(frozen=True, kw_only=True)
class Used:
    """An installed agent, and what the official launcher then said and did."""

    release: Release
    understood: Mapping[str, Any]
    #: Verb, group, kind and namespace of each request.
    asked: set[tuple[str, str, str, str]]
    #: What it made, as the API got it.
    made: Release

    @property
    def pod(self) -> dict[str, Any]:
        """The agent's own pod."""
        spec: dict[str, Any] = self.release.one("Deployment")["spec"]["template"]["spec"]
        return spec


@pytest.fixture(scope="module", name="used")
def _used(helm: Helm, tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Used]:
    """All sets in one process: importing Dagster takes seconds."""
    releases = {}
    for name, values in SETS.items():
        releases[name] = helm.install(AGENT, values, release="agent", namespace="data")
        helm.uninstall(release="agent", namespace="data")
    with ExitStack() as stack:
        clusters = {name: stack.enter_context(FakeKubernetes()) for name in releases}
        folders = []
        for name, release in releases.items():
            folders.append(tmp_path_factory.mktemp(name))
            prepare(release, clusters[name], folders[-1])
        understood = use_launchers(folders)
    return {
        name: Used(
            release=release,
            understood=said,
            asked={asked_for(each) for each in clusters[name].requests},
            made=Release(documents=clusters[name].created, notes=""),
        )
        for (name, release), said in zip(releases.items(), understood, strict=True)
    }


def prepare(release: Release, cluster: FakeKubernetes, folder: Path) -> None:
    space = "user-code" if len(release.all("ConfigMap")) > 1 else "data"
    cluster.objects[f"/api/v1/namespaces/{space}/pods/started"] = POD
    cluster.objects[f"/apis/apps/v1/namespaces/{space}/replicasets/started"] = REPLICAS
    text = release.all("ConfigMap")[0]["data"]["dagster.yaml"]
    (folder / "dagster.yaml").write_text(text, encoding="utf-8")
    (folder / "kubeconfig").write_text(json.dumps(kubeconfig(cluster.url)), encoding="utf-8")


def use_launchers(folders: Sequence[Path]) -> list[dict[str, Any]]:
    environment = chart_environment()
    done = subprocess.run(
        [environment.program("python"), PROGRAM, *folders],
        env=environment.variables(
            DAGSTER_CLOUD_AGENT_TOKEN="agent:dagstead:made-up",
            HTTPS_PROXY="http://proxy.example.com:3128",
            NO_PROXY="127.0.0.1",
        ),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def asked_for(request: str) -> tuple[str, str, str, str]:
    method, path = request.split()
    found = _PATH.fullmatch(path)
    assert found, path
    verb = _VERBS.get(method) or ("get" if found["name"] else "list")
    return verb, found["group"] or "", found["kind"] + (found["below"] or ""), found["space"]


def granted(release: Release, account: str) -> set[tuple[str, str, str, str]]:
    roles = {
        each["roleRef"]["name"]
        for each in release.all("RoleBinding")
        if account in {subject["name"] for subject in each["subjects"]}
    }
    return {
        (verb, group, kind, role["metadata"]["namespace"])
        for role in release.all("Role")
        if role["metadata"]["name"] in roles
        for rule in role["rules"]
        for verb in rule["verbs"]
        for group in rule["apiGroups"]
        for kind in rule["resources"]
    }


@pytest.mark.parametrize("name", SETS)
def test_the_official_agent_reads_what_was_meant(used: Mapping[str, Used], name: str) -> None:
    cloud = SETS[name]["dagsterCloud"]
    default = [None] if cloud.get("includeDefaultQueue", True) else []

    assert used[name].understood == {
        "url": "https://dagstead.example.com",
        "deployments": cloud.get("deployments", ["prod"]),
        "branch_deployments": cloud.get("branchDeployments", False),
        "queues": [*cloud.get("agentQueues", []), *default],
        "launcher": "K8sUserCodeLauncher",
    }


@pytest.mark.parametrize("name", SETS)
def test_its_role_has_exactly_what_the_launcher_asks_for(
    used: Mapping[str, Used], name: str
) -> None:
    account = used[name].pod["serviceAccountName"]

    assert used[name].asked == granted(used[name].release, account)


def test_runs_may_start_jobs_only_if_they_are_let(used: Mapping[str, Used]) -> None:
    account = "agent-dagstead-agent-user-code"

    assert granted(used["queues"].release, account) == set()
    assert ("create", "batch", "jobs", "user-code") in granted(used["elsewhere"].release, account)


@pytest.mark.parametrize("name", SETS)
def test_what_the_launcher_starts_is_valid_and_has_the_token(
    helm: Helm, used: Mapping[str, Used], name: str
) -> None:
    made = used[name].made
    token = used[name].pod["containers"][0]["env"][0]["valueFrom"]["secretKeyRef"]["name"]

    assert helm.refused_by_schemas(made, KUBERNETES) == []
    for started in (made.one("Deployment"), made.one("Job")):
        pod = started["spec"]["template"]["spec"]
        given = [each.get("secretRef", {}).get("name") for each in pod["containers"][0]["envFrom"]]
        assert token in given
        assert pod["serviceAccountName"] == "agent-dagstead-agent-user-code"
