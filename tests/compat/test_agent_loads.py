"""Official agents load code locations, and say why one cannot be loaded."""

from __future__ import annotations

import httpx
import pytest

from dagstead.testing.waiting import eventually
from tests.support.deployment import LOAD_SECONDS, GraphQLRefusedError, LoadedLocation
from tests.support.fleet import (
    DEFAULT_AGENT,
    DEFAULT_LOCATION,
    NAMED_AGENT,
    NAMED_LOCATION,
    Fleet,
)

pytestmark = pytest.mark.compat


def test_both_upload_schemes_bring_the_same_definitions(fleet: Fleet) -> None:
    first = fleet.deployment.location(DEFAULT_LOCATION)
    second = fleet.deployment.location(NAMED_LOCATION)

    assert {"plain_assets", "greeting", "failing"} <= first.jobs
    assert first.jobs == second.jobs
    log = fleet.plane.web_log
    assert _was_called(log, "PUT /upload_workspace_entry", DEFAULT_AGENT)
    assert not _was_called(log, "PUT /code_location_update_result", DEFAULT_AGENT)
    assert _was_called(log, "PUT /code_location_update_result", NAMED_AGENT)
    assert not _was_called(log, "PUT /upload_workspace_entry", NAMED_AGENT)


@pytest.mark.parametrize("queue", [None, "named-queue"], ids=["whole", "direct"])
def test_a_broken_deploy_is_explained_while_the_definitions_before_it_serve(
    fleet: Fleet, queue: str | None
) -> None:
    deployment, name = fleet.deployment, f"changing_{queue and 'named'}"
    deployment.deploy(name, "compat_small", queue=queue)
    deployment.wait_until_loaded(name)

    deployment.deploy(name, "compat_broken", queue=queue)
    broken = eventually(
        lambda: _with_error(deployment.location(name)),
        LOAD_SECONDS,
        f"the error of {name}",
        retry_on=(httpx.TransportError,),
    )

    assert "the code location is broken on purpose" in str(broken.error)
    assert "in read_configuration" in str(broken.error)
    assert "whispering" in deployment.served_jobs(name)
    # The official agent has stopped the code server before it, so a run is refused with the reason.
    with pytest.raises(GraphQLRefusedError, match="broken on purpose"):
        deployment.launch(name, "whispering")

    deployment.deploy(name, "compat_small", queue=queue)
    deployment.wait_until_loaded(name)
    run_id = deployment.launch(name, "whispering", tags={"dagster/isolation": "disabled"})
    deployment.succeed(run_id)
    assert deployment.captured(run_id)["stdout"] == f"whispered on {name}\n"
    deployment.delete_location(name)


def _with_error(location: LoadedLocation) -> LoadedLocation | None:
    return location if location.error is not None and location.load_status == "LOADED" else None


def _was_called(log: str, call: str, token: str) -> bool:
    return any(call in line and f"'{token}'" in line for line in log.splitlines())
