"""Both charts: real Helm installs and upgrades them, Kubernetes' schemas take the result."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from dagstead import __version__
from tests.charts.sets import AGENT, AGENT_SETS, KUBERNETES, PLANE, PLANE_SETS
from tests.support.environments import REPOSITORY
from tests.support.fake_kubernetes import FakeKubernetes
from tests.support.helm import Helm, HelmRefusedError

CHARTS = {"dagstead": PLANE, "dagstead-agent": AGENT}
SETS = [
    *(pytest.param(PLANE, values, id=f"dagstead-{name}") for name, values in PLANE_SETS.items()),
    *(pytest.param(AGENT, values, id=f"agent-{name}") for name, values in AGENT_SETS.items()),
]


@pytest.mark.parametrize("chart", CHARTS.values(), ids=CHARTS)
def test_lint_finds_nothing_but_the_missing_icon(helm: Helm, chart: Path) -> None:
    found = helm.lint(chart)

    assert found["Errors"] is None
    assert [each["Path"] for each in found["Messages"]] == ["Chart.yaml"]


@pytest.mark.parametrize(("chart", "values"), SETS)
def test_what_it_renders_passes_the_strict_schemas(
    helm: Helm, chart: Path, values: dict[str, Any]
) -> None:
    release = helm.install(chart, values, release="trial", namespace="data")

    assert helm.refused_by_schemas(release, KUBERNETES) == []
    assert not [each for each in release.documents if not each["metadata"].get("namespace")]
    helm.uninstall(release="trial", namespace="data")


@pytest.mark.parametrize("chart", CHARTS.values(), ids=CHARTS)
def test_a_release_is_upgraded_and_removed_whole(
    helm: Helm, cluster: FakeKubernetes, chart: Path
) -> None:
    space = f"upgraded-{chart.name}"
    sets = PLANE_SETS if chart is PLANE else AGENT_SETS

    helm.install(chart, sets["least"], release="one", namespace=space)
    upgraded = helm.upgrade(chart, sets["large"], release="one", namespace=space)
    names = cluster.names(space)
    helm.uninstall(release="one", namespace=space)

    assert names == {(each["kind"], each["metadata"]["name"]) for each in upgraded.documents}
    # Uploaded files outlive the release, unless told otherwise.
    assert {kind for kind, _ in cluster.names(space)} <= {"PersistentVolumeClaim"}


@pytest.mark.parametrize("chart", CHARTS.values(), ids=CHARTS)
def test_two_releases_of_one_namespace_do_not_meet(helm: Helm, chart: Path) -> None:
    least = (PLANE_SETS if chart is PLANE else AGENT_SETS)["least"]
    first = helm.install(chart, least, release="first", namespace="data")
    second = helm.install(chart, least, release="second", namespace="data")

    names = [
        (each["kind"], each["metadata"]["name"]) for each in [*first.documents, *second.documents]
    ]
    assert len(names) == len(set(names))
    for release in ("first", "second"):
        helm.uninstall(release=release, namespace="data")


@pytest.mark.parametrize("chart", CHARTS.values(), ids=CHARTS)
def test_a_misspelt_value_is_refused_wherever_it_stands(helm: Helm, chart: Path) -> None:
    defaults = yaml.safe_load((chart / "values.yaml").read_text(encoding="utf-8"))
    sections = [key for key, value in defaults.items() if isinstance(value, dict)]
    open_ = {"labels", "podSecurityContext", "securityContext"}
    accepted = []
    misspelt: list[dict[str, Any]] = [{key: {"nosuch": 1}} for key in sections]
    for values in [{"replicaCount": 3}, *misspelt]:
        if open_ & set(values):
            continue
        try:
            helm.install(chart, values, release="typo")
            accepted.append(values)
        except HelmRefusedError as error:
            assert "additional properties" in str(error), error  # noqa: PT017

    assert accepted == []


def test_the_readmes_have_the_values_that_there_are(tmp_path: Path) -> None:
    shutil.copytree(REPOSITORY / "charts", tmp_path / "charts")
    script = REPOSITORY / "scripts" / "make-chart-tables"
    subprocess.run([sys.executable, script, tmp_path / "charts"], check=True)

    for name, chart in CHARTS.items():
        made = (tmp_path / "charts" / name / "README.md").read_text(encoding="utf-8")
        assert (chart / "README.md").read_text(encoding="utf-8") == made, "run `make charts`"


@pytest.mark.parametrize(
    ("chart", "version"), [(PLANE, __version__), (AGENT, "1.13.27")], ids=["dagstead", "agent"]
)
def test_a_chart_installs_the_version_that_is_tested(chart: Path, version: str) -> None:
    about = yaml.safe_load((chart / "Chart.yaml").read_text(encoding="utf-8"))

    assert about["appVersion"] == version
