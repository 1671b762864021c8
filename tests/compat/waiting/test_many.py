"""A thousand requests wait on a queue that nobody serves: every door answers soon, and shortly."""

from __future__ import annotations

import time
from collections.abc import Iterator

import httpx
import pytest

from dagstead.plane.requests import NewRequest
from tests.support.asking_why import AskingWhy
from tests.support.control_plane import ControlPlane

pytestmark = pytest.mark.compat

MANY = 1000
DEPLOYMENT, QUEUE = "many", "many"
#: A page takes a tenth of it on a machine that has nothing else to do.
PAGE_SECONDS = 5.0
MOST_BYTES = 512 * 1024


@pytest.fixture(scope="module")
def who(plane: ControlPlane) -> Iterator[AskingWhy]:
    deployment = plane.deployment(DEPLOYMENT)
    deployment.deploy("shop", "compat_small", queue=QUEUE)
    for number in range(MANY):
        plane.store.requests.submit(
            NewRequest(
                id=f"{number:08}-many",
                api="PING_LOCATION",
                deployment=DEPLOYMENT,
                queue=QUEUE,
                location="shop",
                run_id=None,
                body="{}",
                expires_at=time.time() + 3600,
            )
        )
    yield AskingWhy(plane=plane, deployment=deployment, token=plane.user_token("max"))
    deployment.close()


def test_the_reason_of_one_of_them(who: AskingWhy) -> None:
    begun = time.monotonic()
    who.is_said("00000999", "UNSERVED_QUEUE", f"could serve queue '{QUEUE}'.")
    # Two questions, and a command that starts Python.
    assert time.monotonic() - begun < 3 * PAGE_SECONDS


def test_what_may_be_any_of_them_is_answered_with_a_few(who: AskingWhy) -> None:
    said = who.refusal("why", "00000", "--deployment", DEPLOYMENT)
    assert "may be several things" in said
    assert len(said) < 1000


@pytest.mark.parametrize("path", ["", "runs", f"queues/of/{QUEUE}", "queues"])
def test_a_page(who: AskingWhy, path: str) -> None:
    begun = time.monotonic()
    answer = httpx.get(
        f"{who.plane.url}/-/{path}",
        headers={"Dagster-Cloud-Api-Token": who.token},
        trust_env=False,
        timeout=60,
    )
    assert answer.status_code == 200
    assert time.monotonic() - begun < PAGE_SECONDS
    assert len(answer.content) < MOST_BYTES
