"""The control plane's chart: its processes get the settings that they read, and nothing unsafe."""

from __future__ import annotations

import json
from typing import Any

import pytest

from dagstead.server.settings import Settings
from dagstead.server.settings_sources import load_settings
from tests.charts.sets import PLANE, PLANE_LEAST, PLANE_SETS
from tests.support.helm import Helm, HelmRefusedError, Release, from_set

WORKLOADS = ("Deployment", "StatefulSet")
#: Settings that have a value of their own in the chart, or that no cluster needs.
OWN = {"data", "database", "host", "port", "public_url", "organization"}
OWN |= {"pool", "pool_local_code", "pool_serves", "loopback_issuers"}


@pytest.fixture(name="installed", params=PLANE_SETS.values(), ids=list(PLANE_SETS))
def _installed(helm: Helm, request: pytest.FixtureRequest) -> Release:
    release = helm.install(PLANE, request.param, release="dagstead", namespace="data")
    helm.uninstall(release="dagstead", namespace="data")
    return release


def pods(release: Release) -> dict[str, dict[str, Any]]:
    """The pods' forms by what runs in them."""
    found = [each for kind in WORKLOADS for each in release.all(kind)]
    return {
        each["spec"]["template"]["spec"]["containers"][0]["name"]: each["spec"]["template"]["spec"]
        for each in found
    }


def environment(pod: dict[str, Any]) -> dict[str, str]:
    """A container's variables, as its process gets them."""
    variables = {
        each["name"]: each["value"] if "value" in each else _secret(each["valueFrom"])
        for each in pod["containers"][0]["env"]
    }
    # What Kubernetes adds for a service of that name, unless it is told not to.
    if pod.get("enableServiceLinks", True):
        variables["DAGSTEAD_PORT"] = "tcp://10.0.0.1:80"
    return variables


def _secret(source: dict[str, Any]) -> str:
    reference = source["secretKeyRef"]
    return f"postgresql://{reference['name']}/{reference['key']}"


def test_every_process_understands_all_of_its_settings(installed: Release) -> None:
    for name, pod in pods(installed).items():
        loaded = load_settings(environment=environment(pod))

        assert loaded.warnings == (), name
        assert str(loaded.settings.data) == "/data"
        assert loaded.settings.public_url in {"https://dagstead.example.com", "http://d:3000"}


def test_web_and_daemons_share_files_and_database(installed: Release) -> None:
    by_name = pods(installed)
    web, daemon = by_name["web"], by_name["daemon"]

    assert web["volumes"][0] == daemon["volumes"][0]
    claim = web["volumes"][0]["persistentVolumeClaim"]["claimName"]
    made = [each["metadata"]["name"] for each in installed.all("PersistentVolumeClaim")]
    assert made in ([claim], [])
    assert environment(web)["DAGSTEAD_DATABASE"] == environment(daemon)["DAGSTEAD_DATABASE"]


def test_no_pod_has_more_rights_than_it_needs(installed: Release) -> None:
    for pod in pods(installed).values():
        container = pod["containers"][0]
        assert pod["securityContext"]["runAsNonRoot"] is True
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        assert pod["automountServiceAccountToken"] is False
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }
        # Where the processes write.
        assert {"/data", "/tmp"} <= {each["mountPath"] for each in container["volumeMounts"]}


def test_a_process_has_the_time_to_stop(installed: Release) -> None:
    for name in ("web", "daemon"):
        pod = pods(installed)[name]
        seconds = load_settings(environment=environment(pod)).settings.stop_seconds
        assert pod["terminationGracePeriodSeconds"] > seconds


def test_only_a_secret_holds_the_database_s_password(helm: Helm) -> None:
    release = helm.install(PLANE, PLANE_SETS["url"], release="url")
    with_password = [each for each in release.documents if "secret@db" in json.dumps(each)]

    assert [each["kind"] for each in with_password] == ["Secret"]
    assert "secret@db" not in release.notes


def test_a_pool_with_a_token_of_its_own_does_not_see_the_database(helm: Helm) -> None:
    release = helm.install(PLANE, PLANE_SETS["large"], release="large")
    names = {each["name"] for each in pods(release)["pool"]["containers"][0]["env"]}

    assert "DAGSTEAD_POOL_TOKEN" in names
    assert "DAGSTEAD_DATABASE" not in names


def test_branch_deployments_may_have_a_pool_of_their_own(helm: Helm) -> None:
    release = helm.install(PLANE, PLANE_SETS["two pools"], release="two")
    found = pods(release)

    for name, serves, secret in (("pool", "full", "pool"), ("branch-pool", "branches", "branches")):
        container = found[name]["containers"][0]
        variables = {each["name"]: each for each in container["env"]}
        assert variables["DAGSTEAD_POOL_SERVES"]["value"] == serves
        source = variables["DAGSTEAD_POOL_TOKEN"]["valueFrom"]["secretKeyRef"]
        assert source == {"name": secret, "key": "token"}
        assert "DAGSTEAD_DATABASE" not in variables
        assert container["command"] == ["dagstead", "pool"]
        assert load_settings(environment=environment(found[name])).settings.pool_cpus == 1.5


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"image": {"repository": ""}}, "image.repository is empty. Build Dagstead's image"),
        ({"publicUrl": ""}, "publicUrl is empty. Set it to the address"),
        ({"database": {}}, "No database is named. Set database.existingSecret to a Secret"),
        (
            {"database": {"existingSecret": "s", "url": "postgresql://d@db/d"}},
            "database.url and database.existingSecret are both set. Remove one of them.",
        ),
        (
            {"database": {"url": "sqlite:///data/dagstead.db"}},
            "database.url is not the address of a Postgres database.",
        ),
        ({"settings": {"pool": False}}, "additional properties 'pool' not allowed"),
        ({"settings": {"log_level": "loud"}}, "value must be one of"),
        ({"publicUrl": "dagstead.example.com"}, "does not match pattern"),
    ],
)
def test_what_is_missing_or_wrong_is_said_before_anything_is_made(
    helm: Helm, values: dict[str, Any], sentence: str
) -> None:
    with pytest.raises(HelmRefusedError) as refused:
        helm.install(PLANE, {**PLANE_LEAST, **values}, release="wrong")

    assert sentence in str(refused.value)


def test_the_chart_knows_every_setting() -> None:
    schema = json.loads((PLANE / "values.schema.json").read_text(encoding="utf-8"))

    assert set(schema["properties"]["settings"]["properties"]) | OWN == set(Settings.model_fields)
    assert not set(schema["properties"]["settings"]["properties"]) & OWN


def test_the_ingress_leads_the_public_address_to_the_web_servers(helm: Helm) -> None:
    values = {**PLANE_LEAST, **from_set("publicUrl=https://d.example.com:8443")}
    values["ingress"] = {"enabled": True}
    release = helm.install(PLANE, values, release="ingress")
    rule = release.one("Ingress")["spec"]["rules"][0]
    service = release.one("Service", "-web")

    assert rule["host"] == "d.example.com"
    backend = rule["http"]["paths"][0]["backend"]["service"]
    assert backend["name"] == service["metadata"]["name"]
    labels = release.one("Deployment", "-web")["spec"]["template"]["metadata"]["labels"]
    assert service["spec"]["selector"].items() <= labels.items()
