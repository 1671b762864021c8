"""What the code of a branch deployment changes against that of its base."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest
from dagster import Definitions, asset
from dagster._core.definitions.selector import RepositorySelector

from dagstead.control.actor import SYSTEM
from dagstead.engine.instances import Instances
from dagstead.engine.workspace import DeploymentWorkspace
from dagstead.errors import InvalidInputError
from dagstead.model.retention import Retention
from dagstead.operator_api.schema import create_schema
from dagstead.plane.branches import SnapshotCondition
from dagstead.plane.deployments import Branch, Deployment
from dagstead.testing.clock import ManualClock
from tests.support.releases import deploy, new_location
from tests.support.stored_definitions import stored_manifest

BRANCH = Branch(repo_name="org/repo", branch_name="f")
DAY = 24 * 3600.0


def definitions(*names: str, version: str = "1", **more: Any) -> Definitions:
    """Assets of a version; ``more`` are those of another one, by name."""

    def made(name: str, code: str) -> Any:
        @asset(name=name, code_version=code)
        def one() -> None:
            """Nothing is made of it."""

        return one

    return Definitions(
        assets=[
            *(made(name, version) for name in names),
            *(made(name, code) for name, code in more.items()),
        ]
    )


@dataclass
class Scene:
    instances: Instances
    deploys: int = 0

    def load(self, deployment: str, location: str, code: Definitions) -> None:
        self.deploys += 1
        store, deploy_id = self.instances.store, f"d{self.deploys}"
        deploy(store, deployment, [new_location(location, deploy_id, "gpu")])
        manifest = stored_manifest(store, deployment, code)
        assert store.releases.set_loaded(
            deployment, location, deploy_id=deploy_id, manifest=manifest
        ).counted

    def open(self, condition: SnapshotCondition | None = None) -> Deployment:
        control = self.instances.control
        return control.deployments.open_branch(SYSTEM, BRANCH, None, condition)

    def changes(self) -> dict[str, tuple[str, ...]]:
        """By asset, as commands show them."""
        branch = self.open_again()
        found = self.instances.control.branches.compare(SYSTEM, branch)
        assert found.base == "prod"
        return {each.asset: each.reasons for each in found.changes}

    def shown(self) -> dict[str, list[str]]:
        """By asset, as the UI asks for them."""
        branch = self.open_again()
        workspace = DeploymentWorkspace(branch.name, self.instances, base_url="http://x")
        context = workspace.create_request_context()
        query = "{ assetNodes { assetKey { path } changedReasons } }"
        result = create_schema().execute(query, context_value=context)
        assert result.errors is None, result.errors
        return {
            "/".join(each["assetKey"]["path"]): each["changedReasons"]
            for each in result.data["assetNodes"]
        }

    def open_again(self) -> Deployment:
        (branch,) = [each for each in self.instances.store.deployments.all() if each.is_branch]
        return branch


@pytest.fixture
def scene(instances: Instances, clock: ManualClock) -> Scene:
    del clock
    made = Scene(instances)
    made.load("prod", "weather", definitions("same", "changed", "removed"))
    return made


def test_the_asset_graph_shows_what_a_branch_changes(scene: Scene) -> None:
    branch = scene.open()
    scene.load(branch.name, "weather", definitions("same", "new", changed="2"))
    scene.load("prod", "digits", definitions("elsewhere"))

    assert scene.changes() == {
        "changed": ("CODE_VERSION",),
        "new": ("NEW",),
        "removed": ("REMOVED",),
    }
    assert scene.shown() == {"same": [], "changed": ["CODE_VERSION"], "new": ["NEW"]}


def test_a_location_that_the_base_has_not_is_compared_with_all_of_it(scene: Scene) -> None:
    branch = scene.open()
    scene.load(branch.name, "moved", definitions("same", "new"))

    assert scene.changes() == {"new": ("NEW",)}
    assert scene.shown() == {"same": [], "new": ["NEW"]}


@pytest.mark.parametrize(
    ("condition", "at_first", "after_an_update"),
    [
        (None, {}, {}),
        (SnapshotCondition.ON_CREATE, {"later": ("NEW",)}, {"later": ("NEW",)}),
        (SnapshotCondition.ON_UPDATE, {"later": ("NEW",)}, {}),
    ],
)
def test_the_base_is_compared_as_it_was_or_as_it_is(
    scene: Scene,
    condition: SnapshotCondition | None,
    at_first: dict[str, Any],
    after_an_update: dict[str, Any],
) -> None:
    branch = scene.open(condition)
    newer = definitions("same", "changed", "removed", "later")
    scene.load(branch.name, "weather", newer)
    scene.load("prod", "weather", newer)

    assert scene.changes() == at_first
    scene.open(condition)
    assert scene.changes() == after_an_update
    # Without a condition it is compared with what the base has now.
    scene.open(None)
    assert scene.changes() == {}


def test_a_closed_pull_request_changes_no_comparison(scene: Scene) -> None:
    branch = scene.open(SnapshotCondition.ON_CREATE)
    taken = scene.instances.store.branches.get(branch.name)
    closed = Branch(repo_name="org/repo", branch_name="f", pull_request_status="MERGED")
    scene.instances.control.deployments.open_branch(SYSTEM, closed, None)

    assert taken is not None
    assert taken.snapshot is not None
    assert scene.instances.store.branches.get(branch.name) == taken


def test_definitions_that_are_compared_are_kept(scene: Scene, clock: ManualClock) -> None:
    branch = scene.open(SnapshotCondition.ON_CREATE)
    newer = definitions("same")
    scene.load(branch.name, "weather", newer)
    scene.load("prod", "weather", newer)
    keep = Retention(days=1, releases=2, runs=0)

    clock.advance(100 * DAY)
    scene.instances.control.storage.sweep(SYSTEM, keep)
    assert scene.changes() == {"changed": ("REMOVED",), "removed": ("REMOVED",)}


def test_full_deployments_are_compared_with_nothing(scene: Scene) -> None:
    prod = scene.instances.store.deployments.get("prod")
    workspace = DeploymentWorkspace("prod", scene.instances, base_url="http://x")
    selector = RepositorySelector(location_name="weather", repository_name="__repository__")

    assert workspace.create_request_context().get_base_deployment_asset_graph(selector) is None
    with pytest.raises(InvalidInputError, match="is not one of a branch"):
        scene.instances.control.branches.compare(SYSTEM, prod)
