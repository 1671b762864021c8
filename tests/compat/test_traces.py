"""One trace from a deploy to its loads, and one from a launch to the start of its run."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from dagstead.testing.waiting import eventually
from tests.support.git import commit_all
from tests.support.otlp_receiver import OtlpReceiver, ReceivedSpan
from tests.support.pex import borrowing_wheel
from tests.support.pool_plane import PROGRAM, Plane, running_plane

pytestmark = pytest.mark.compat

_PROJECT = """
[project]
name = "one"
version = "0"
requires-python = ">=3.11"
dependencies = [{wheels}]
"""
_CODE = """
import dagster as dg

@dg.op
def nothing():
    pass

@dg.job(executor_def=dg.in_process_executor)
def short():
    nothing()

defs = dg.Definitions(jobs=[short])
"""
_CONFIGURATION = """\
locations:
  - location_name: one
    code_source: {module_name: one}
    build: {directory: one}
"""


@dataclass(frozen=True, kw_only=True)
class Site:
    """A control plane that reports traces, and a repository."""

    plane: Plane
    folder: Path
    receiver: OtlpReceiver

    def deploy(self, **variables: str) -> subprocess.CompletedProcess[str]:
        kept = {key: value for key, value in os.environ.items() if not key.startswith("DAGST")}
        return subprocess.run(
            [str(PROGRAM), "deploy"],
            cwd=self.folder,
            env={
                **kept,
                "DAGSTER_CLOUD_URL": self.plane.url,
                "DAGSTER_CLOUD_API_TOKEN": self.plane.token,
                "DAGSTER_CLOUD_DEPLOYMENT": "prod",
                "XDG_CACHE_HOME": str(self.folder.parent / "cache"),
                **variables,
            },
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("traces")
    repository = folder / "repository"
    (repository / "one").mkdir(parents=True)
    with OtlpReceiver() as receiver, running_plane(folder, variables=receiver.variables) as plane:
        wheels = ", ".join(
            f'"{name} @ {borrowing_wheel(folder, name).as_uri()}"'
            for name in ("dagster", "dagster-cloud")
        )
        (repository / "one" / "one.py").write_text(_CODE, encoding="utf-8")
        (repository / "one" / "pyproject.toml").write_text(
            _PROJECT.format(wheels=wheels), encoding="utf-8"
        )
        (repository / "dagster_cloud.yaml").write_text(_CONFIGURATION, encoding="utf-8")
        commit_all(repository)
        yield Site(plane=plane, folder=repository, receiver=receiver)


@pytest.fixture(scope="module")
def deploy_trace(site: Site) -> list[ReceivedSpan]:
    """All spans of a deploy."""
    done = site.deploy(**site.receiver.variables)
    assert done.returncode == 0, done.stderr

    def whole() -> list[ReceivedSpan]:
        spans = site.receiver.trace_of("dagstead deploy")
        names = {span.name for span in spans}
        return spans if {"load one", "request CHECK_FOR_WORKSPACE_UPDATES"} <= names else []

    return eventually(whole, 60, "the trace of the deploy") or []


def test_one_trace_goes_from_the_command_to_the_load(deploy_trace: list[ReceivedSpan]) -> None:
    (root,) = [span for span in deploy_trace if span.name == "dagstead deploy"]
    assert root.parent == ""
    assert root.service == "dagstead-cli"
    by_id = {span.id: span for span in deploy_trace}
    of_command = {span.name for span in deploy_trace if span.service == "dagstead-cli"}
    assert {"build", "upload", "release", "load"} <= of_command
    (load,) = [span for span in deploy_trace if span.name == "load one"]
    assert load.service == "dagstead"
    assert load.attributes["dagstead.location"] == "one"
    assert load.error == ""
    assert 0 < load.seconds <= root.seconds
    for span in deploy_trace:
        assert _root_of(span, by_id) == root


def test_a_request_of_the_deploy_says_how_long_its_agent_took(
    deploy_trace: list[ReceivedSpan],
) -> None:
    asked = [span for span in deploy_trace if span.name == "request CHECK_FOR_WORKSPACE_UPDATES"]
    assert asked
    for span in asked:
        parts = {each.name: each.seconds for each in deploy_trace if each.parent == span.id}
        assert set(parts) == {"wait for an agent", "agent's answer"}
        assert sum(parts.values()) == pytest.approx(span.seconds, abs=0.01)
        assert span.attributes["dagstead.deliveries"] == 1


def test_one_trace_goes_from_a_launch_to_the_start_of_its_run(
    site: Site, deploy_trace: list[ReceivedSpan]
) -> None:
    assert deploy_trace
    trace = "4bf92f3577b34da6a3ce929d0e0e4736"
    site.plane.http.headers["traceparent"] = f"00-{trace}-00f067aa0ba902b7-01"
    run_id = site.plane.launch("one", "short")
    del site.plane.http.headers["traceparent"]
    site.plane.until(run_id, "SUCCESS")
    of_run = {"dagster.run_id": run_id}

    eventually(lambda: site.receiver.trace_of("run start", **of_run), 60, "the start of the run")
    spans = site.receiver.trace_of("run start", **of_run)

    assert {span.trace for span in spans} == {trace}
    (call,) = [span for span in spans if span.name == "POST /prod/graphql"]
    assert call.parent == "00f067aa0ba902b7"
    (request,) = [span for span in spans if span.name == "request LAUNCH_RUN"]
    assert request.parent == call.id
    assert request.attributes["dagster.run_id"] == run_id
    parts = {span.name for span in spans if span.parent == request.id}
    assert parts == {"wait for an agent", "agent's answer"}
    (start,) = [span for span in spans if span.name == "run start"]
    assert start.parent == call.id


def test_a_run_that_nobody_traces_has_a_trace_of_its_own(
    site: Site, deploy_trace: list[ReceivedSpan]
) -> None:
    assert deploy_trace
    run_id = site.plane.launch("one", "short")
    site.plane.until(run_id, "SUCCESS")
    of_run = {"dagster.run_id": run_id}

    eventually(lambda: site.receiver.trace_of("run start", **of_run), 60, "the start of the run")
    spans = site.receiver.trace_of("run start", **of_run)

    (root,) = [span for span in spans if span.parent == ""]
    assert root.name == "run queued"
    assert {span.name for span in spans} == {
        *("run queued", "request LAUNCH_RUN", "wait for an agent", "agent's answer", "run start")
    }


@pytest.mark.thorough
def test_a_location_that_does_not_load_ends_its_span_with_an_error(
    site: Site, deploy_trace: list[ReceivedSpan]
) -> None:
    assert deploy_trace
    # Where it is built, it has no secrets yet.
    broken = "import os\nif 'GATES' in os.environ:\n    raise RuntimeError('broken')\n"
    (site.folder / "one" / "one.py").write_text(broken + _CODE, encoding="utf-8")
    known = {span.trace for span in site.receiver.spans}

    done = site.deploy(**site.receiver.variables)

    assert "RuntimeError: broken" in done.stderr

    def failed() -> list[ReceivedSpan]:
        return [
            span
            for span in site.receiver.spans
            if span.trace not in known and span.name == "load one"
        ]

    (load,) = eventually(failed, 60, "the span of the load")
    assert load.error == "It cannot be loaded."
    assert load.attributes["dagstead.location"] == "one"


def _root_of(span: ReceivedSpan, by_id: dict[str, ReceivedSpan]) -> ReceivedSpan:
    while span.parent:
        span = by_id[span.parent]
    return span
