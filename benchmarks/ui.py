"""What the pages of Dagster's UI ask for, with many code locations.

A browser opens each page once, and what it asks for is recorded. Then it is asked again, one
question after the other, without the browser.
"""

from __future__ import annotations

import json
import statistics
import time
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import dagster as dg
import httpx
from playwright.sync_api import Request, sync_playwright

from benchmarks.samples import Sample
from tests.support.browsers import CHROMIUM
from tests.support.control_plane import ControlPlane
from tests.support.debian import chromium
from tests.support.deployment import DeploymentClient
from tests.support.played_agent import PlayedAgent

SCENARIO = "UI"
_DEPLOYMENT = "prod"
_PAGES = ("overview", "assets", "runs")
#: An agent's queue that nobody serves: nothing else happens meanwhile.
_QUEUE = "nobody"
_PAGE_MS = 120_000

Question = dict[str, Any]


def measure(folder: Path, counts: Sequence[int], rounds: int) -> Iterator[Sample]:
    """Ask for everything, with so many locations that have loaded."""
    folder.mkdir(parents=True)
    variables = {"DAGSTEAD_LOG_LEVEL": "info"}
    with (
        ControlPlane(folder, variables=variables) as plane,
        closing(plane.deployment(_DEPLOYMENT)) as deployment,
    ):
        before = 0
        for count in counts:
            _load(plane, deployment, range(before, count))
            before = count
            secret = plane.user_token(f"reader {count}")
            for page, asked in _recorded(plane, secret).items():
                yield from _times(plane, secret, f"{count} locations: {page}", asked, rounds)


def _load(plane: ControlPlane, deployment: DeploymentClient, numbers: range) -> None:
    headers = {"Dagster-Cloud-Api-Token": plane.agent_token(f"loads {numbers}", queues=[_QUEUE])}
    names = [f"shop-{number}" for number in numbers]
    for name in names:
        deployment.deploy(name, "compat_small", queue=_QUEUE)
    headers["Dagster-Cloud-Deployment"] = _DEPLOYMENT
    with httpx.Client(base_url=plane.url, headers=headers, timeout=60, trust_env=False) as http:
        agent = PlayedAgent(
            store=plane.store,
            deployment=_DEPLOYMENT,
            put=lambda path, files: http.put(path, files=files),
        )
        for name in names:
            agent.load(name, _definitions(name))


def _definitions(name: str) -> dg.Definitions:
    """Ten assets, a job and a schedule."""
    assets = [
        dg.AssetSpec(f"{name.replace('-', '_')}_{number}", group_name="shop")
        for number in range(10)
    ]
    made = [dg.asset(key=spec.key, group_name="shop")(lambda: None) for spec in assets]
    job = dg.define_asset_job(f"refresh_{name.replace('-', '_')}")
    schedule = dg.ScheduleDefinition(job=job, cron_schedule="0 3 * * *")
    return dg.Definitions(assets=made, jobs=[job], schedules=[schedule])


def _recorded(plane: ControlPlane, secret: str) -> dict[str, list[Question]]:
    """What each page asks for when it is opened for the first time."""
    found: dict[str, list[Question]] = {}
    with (
        sync_playwright() as playwright,
        closing(
            playwright.chromium.launch(executable_path=chromium(), args=list(CHROMIUM))
        ) as browser,
    ):
        for name in _PAGES:
            asked: list[Question] = []

            def note(request: Request, asked: list[Question] = asked) -> None:
                if request.method == "POST" and urlsplit(request.url).path.endswith("/graphql"):
                    asked.append(json.loads(request.post_data or ""))

            # Its own, as what one page has asked for, the next one need not.
            with closing(browser.new_context()) as context, closing(context.new_page()) as page:
                page.set_default_timeout(_PAGE_MS)
                page.goto(f"{plane.url}/sign-in#token={secret}")
                page.get_by_role("button", name="Sign in").click()
                page.wait_for_url(f"{plane.url}/-/")
                context.on("request", note)
                page.goto(f"{plane.url}/{_DEPLOYMENT}/{name}")
                page.wait_for_load_state("networkidle")
            found[name] = asked
    return found


def _times(
    plane: ControlPlane, secret: str, case: str, asked: Sequence[Question], rounds: int
) -> Iterator[Sample]:
    headers = {"Dagster-Cloud-Api-Token": secret}
    path = f"/{_DEPLOYMENT}/graphql"
    taken: dict[str, list[float]] = {}
    with httpx.Client(base_url=plane.url, headers=headers, timeout=120, trust_env=False) as http:
        for _ in range(rounds):
            for question in asked:
                begin = time.perf_counter()
                http.post(path, json=question).raise_for_status()
                seconds = time.perf_counter() - begin
                taken.setdefault(str(question.get("operationName")), []).append(1000 * seconds)
    yield _sample(case, "questions", "", len(asked))
    yield _sample(case, "all of them", "ms", sum(map(sum, taken.values())) / rounds)
    slowest = max(taken, key=lambda name: statistics.median(taken[name]))
    yield _sample(case, f"the slowest, {slowest}", "ms", statistics.median(taken[slowest]))


def _sample(case: str, metric: str, unit: str, value: float) -> Sample:
    return Sample(
        scenario=SCENARIO, case=case, system="dagstead", metric=metric, unit=unit, value=value
    )
