"""Images that are made ready beside each other: none holds up what does not need it."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import Any

import pytest
from dagster_cloud.workspace.user_code_launcher.user_code_launcher import UserCodeLauncherEntry
from dagster_cloud_cli.core.workspace import CodeLocationDeployData, PexMetadata

from dagstead.errors import ContainerError
from dagstead.serverless.docker.preparation import Key, Preparation, UnreadyImages

_SECONDS = 30.0
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


@pytest.fixture
def preparation(registry: Registry) -> Preparation:
    return Preparation(registry.fetch)


def test_what_is_ready_can_be_taken_while_others_are_not(
    registry: Registry, preparation: Preparation
) -> None:
    wanted: dict[Key, UserCodeLauncherEntry] = {PROD_SHOP: entry("slow"), PROD_BOOKS: entry("fast")}
    registry.let("fast")
    preparation.begin(wanted)
    registry.wait_for(2)

    assert preparation.unready(0.2) == {PROD_SHOP}
    assert preparation.take(PROD_BOOKS).image == "fast@sha256:1"

    registry.let("slow")
    assert preparation.unready(_SECONDS) == set()
    assert preparation.take(PROD_SHOP).image == "slow@sha256:1"


def test_a_deployment_that_waits_for_many_images_does_not_hold_up_another(
    registry: Registry, preparation: Preparation
) -> None:
    many = {("prod", str(each)): entry("slow") for each in range(20)}
    preparation.begin(many)
    registry.wait_for(4)
    registry.let("fast")
    preparation.begin({**many, DEV_SHOP: entry("fast")})

    assert preparation.unready(1) == many.keys()
    assert registry.asked.count("slow") == 4


def test_what_has_failed_is_told_to_whoever_takes_it(preparation: Preparation) -> None:
    preparation.begin({PROD_SHOP: entry("refused")})

    assert preparation.unready(_SECONDS) == set()
    with pytest.raises(ContainerError, match="no such image"):
        preparation.take(PROD_SHOP)


def test_a_deploy_that_is_overtaken_is_forgotten(
    registry: Registry, preparation: Preparation
) -> None:
    preparation.begin({PROD_SHOP: entry("first", 1.0)})
    preparation.begin({PROD_SHOP: entry("second", 2.0)})
    registry.let("second")

    assert preparation.unready(_SECONDS) == set()
    assert preparation.take(PROD_SHOP).image == "second@sha256:1"

    preparation.begin({PROD_BOOKS: entry("first")})
    preparation.begin({})
    assert preparation.unready(0) == set()
    registry.let("first")


class Logs:
    def __init__(self) -> None:
        self.lines: dict[str, list[str]] = {}
        self.ended: list[str] = []
        self.of: dict[str, Key] = {}

    def begin(self, deployment: str, location: str, server: str) -> None:
        self.of[server] = (deployment, location)

    def add(self, server: str, line: str) -> None:
        self.lines.setdefault(server, []).append(line)

    def end(self, server: str) -> None:
        self.ended.append(server)


def test_locations_that_wait_for_their_images_say_so_once_in_their_logs() -> None:
    logs: Any = Logs()
    unready = UnreadyImages(logs)
    image = CodeLocationDeployData(image="shop:1", module_name="shop")
    pex = CodeLocationDeployData(pex_metadata=PexMetadata("files=x.pex", None), module_name="shop")

    for _ in range(2):
        unready.say({PROD_SHOP: image, DEV_SHOP: pex})
    unready.say({DEV_SHOP: pex})

    shop, dev = logs.of
    if logs.of[shop] != PROD_SHOP:
        shop, dev = dev, shop
    assert logs.of == {shop: PROD_SHOP, dev: DEV_SHOP}
    assert logs.lines[shop] == [
        "The managed pool fetches shop:1; its code server starts once it is there."
    ]
    assert logs.lines[dev] == [
        "The managed pool makes an image of its PEX files; its code server starts after it."
    ]
    assert logs.ended == [shop]
