"""Images that are made ready beside each other: none holds up what does not need it."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import Any

import pytest
from dagster_cloud.workspace.user_code_launcher.user_code_launcher import UserCodeLauncherEntry
from dagster_cloud_cli.core.workspace import CodeLocationDeployData, PexMetadata

from dagstead.errors import ContainerError
from dagstead.serverless.docker.preparation import Key, Preparation

_SECONDS = 30.0
Entries = dict[Key, UserCodeLauncherEntry]
PROD_SHOP, PROD_BOOKS, DEV_SHOP = ("prod", "shop"), ("prod", "books"), ("dev", "shop")


def entry(image: str, moment: float = 1.0) -> UserCodeLauncherEntry:
    return UserCodeLauncherEntry(CodeLocationDeployData(image=image, module_name="shop"), moment)


@dataclass
class Registry:
    """Images come when the test says so."""

    asked: list[str] = field(default_factory=list)
    came: dict[str, threading.Event] = field(default_factory=dict)
    changed: threading.Condition = field(default_factory=threading.Condition)

    def fetch(
        self, _deployment: str, _location: str, data: CodeLocationDeployData
    ) -> CodeLocationDeployData:
        image = str(data.image)
        with self.changed:
            self.asked.append(image)
            self.changed.notify_all()
        if image == "refused":
            message = "no such image"
            raise ContainerError(message)
        assert self.came.setdefault(image, threading.Event()).wait(_SECONDS)
        return data._replace(image=f"{image}@sha256:1")

    def let(self, image: str) -> None:
        self.came.setdefault(image, threading.Event()).set()

    def wait_for(self, count: int) -> None:
        with self.changed:
            assert self.changed.wait_for(lambda: len(self.asked) >= count, _SECONDS)


@pytest.fixture
def registry() -> Registry:
    return Registry()


class Logs:
    """What is said in the logs of locations."""

    def __init__(self) -> None:
        self.lines: dict[Key, list[str]] = {}
        self.ended: set[Key] = set()
        self._of: dict[str, Key] = {}

    def begin(self, deployment: str, location: str, server: str) -> None:
        self._of[server] = (deployment, location)

    def add(self, server: str, line: str) -> None:
        self.lines.setdefault(self._of[server], []).append(line)

    def end(self, server: str) -> None:
        self.ended.add(self._of[server])


@pytest.fixture
def logs() -> Logs:
    return Logs()


@pytest.fixture
def preparation(registry: Registry, logs: Any) -> Preparation:
    return Preparation(registry.fetch, logs)


def test_what_is_ready_can_be_taken_while_others_are_not(
    registry: Registry, preparation: Preparation
) -> None:
    desired: Entries = {PROD_SHOP: entry("slow"), PROD_BOOKS: entry("fast")}
    registry.let("fast")

    assert preparation.hold_back(desired, {}, 1) == {PROD_SHOP}
    assert desired == {PROD_BOOKS: entry("fast")}
    assert preparation.take(PROD_BOOKS).image == "fast@sha256:1"

    registry.let("slow")
    desired = {PROD_SHOP: entry("slow"), PROD_BOOKS: entry("fast")}
    assert preparation.hold_back(desired, {PROD_BOOKS: entry("fast")}, _SECONDS) == set()
    assert desired.keys() == {PROD_SHOP, PROD_BOOKS}
    assert preparation.take(PROD_SHOP).image == "slow@sha256:1"
    assert registry.asked.count("fast") == 1


def test_what_runs_goes_on_until_the_next_image_is_ready(
    registry: Registry, preparation: Preparation
) -> None:
    desired: Entries = {PROD_SHOP: entry("slow", 2.0)}

    assert preparation.hold_back(desired, {PROD_SHOP: entry("old", 1.0)}, 0.2) == {PROD_SHOP}

    assert desired == {PROD_SHOP: entry("old", 1.0)}
    registry.let("slow")


def test_a_deployment_that_waits_for_many_images_does_not_hold_up_another(
    registry: Registry, preparation: Preparation
) -> None:
    many: Entries = {("prod", str(each)): entry("slow") for each in range(20)}
    preparation.hold_back(dict(many), {}, 0)
    registry.wait_for(4)
    registry.let("fast")

    assert preparation.hold_back({**many, DEV_SHOP: entry("fast")}, {}, 1) == many.keys()

    assert registry.asked.count("slow") == 4
    registry.let("slow")


def test_what_has_failed_is_told_to_whoever_takes_it(preparation: Preparation) -> None:
    assert preparation.hold_back({PROD_SHOP: entry("refused")}, {}, _SECONDS) == set()

    with pytest.raises(ContainerError, match="no such image"):
        preparation.take(PROD_SHOP)


def test_a_deploy_that_is_overtaken_is_forgotten(
    registry: Registry, preparation: Preparation
) -> None:
    preparation.hold_back({PROD_SHOP: entry("first", 1.0)}, {}, 0)
    registry.let("second")

    assert preparation.hold_back({PROD_SHOP: entry("second", 2.0)}, {}, _SECONDS) == set()
    assert preparation.take(PROD_SHOP).image == "second@sha256:1"

    preparation.hold_back({PROD_BOOKS: entry("first")}, {}, 0)
    assert preparation.hold_back({}, {}, 0) == set()
    registry.let("first")


def test_locations_that_wait_for_their_images_say_so_once_in_their_logs(
    registry: Registry, preparation: Preparation, logs: Logs
) -> None:
    tag = PexMetadata("files=x.pex", None)
    pex = UserCodeLauncherEntry(CodeLocationDeployData(pex_metadata=tag, module_name="shop"), 1.0)
    both: Entries = {PROD_SHOP: entry("shop:1"), DEV_SHOP: pex}

    for _ in range(2):
        preparation.hold_back(dict(both), {}, 0)
    preparation.hold_back({DEV_SHOP: pex}, {}, 0)

    assert logs.lines == {
        PROD_SHOP: ["The managed pool fetches shop:1; its code server starts once it is there."],
        DEV_SHOP: [
            "The managed pool makes an image of its PEX files; its code server starts after it."
        ],
    }
    assert logs.ended == {PROD_SHOP}
    for image in ("shop:1", "None"):
        registry.let(image)
