"""Images of releases: who may push and pull them, and which content a release names."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from dagstead.control.actor import SYSTEM, Actor
from dagstead.control.all import Control
from dagstead.errors import ForbiddenError, InvalidDocumentError, UnauthenticatedError
from dagstead.model.retention import DAY_SECONDS, Retention
from dagstead.plane.deployments import Deployment
from dagstead.plane.locations import NewLocation
from dagstead.plane.pex_files import Uploader
from dagstead.plane.registry import ImageManifest, Repository
from dagstead.plane.releases import NewRelease
from dagstead.plane.roles import Role, Roles
from dagstead.plane.storage import StoredKind
from dagstead.plane.tokens import Grant, TokenKind
from dagstead.store.all import Store
from dagstead.testing.clock import ManualClock
from tests.support.image_registry import PlayedImageRegistry
from tests.support.orchestration import control_without_dagster
from tests.support.stores import empty_store

HOST = "plane.example.com:3000"
DIGEST, OTHER = (f"sha256:{each * 64}" for each in "ab")
_ALL = Grant()
WEATHER = Grant(deployments=["prod"], locations=["weather"])


@dataclass(frozen=True, kw_only=True)
class Plane:
    """A control plane with a registry, and the deployments prod and staging."""

    store: Store
    control: Control
    clock: ManualClock
    prod: Deployment
    registry: PlayedImageRegistry

    def actor(self, name: str, grant: Grant = _ALL, kind: TokenKind = TokenKind.USER) -> Actor:
        return Actor.holding(self.store.tokens.create(name, kind, name, grant))

    def push(self, actor: Actor, name: str, tag: str, digest: str = DIGEST) -> None:
        self.clock.advance(1)
        self.control.images.note_pushed(actor, name, tag, ImageManifest(digest=digest))

    def released(self, actor: Actor, image: str, location: str = "weather") -> str:
        """The image that a release of a location names."""
        self.control.releases.begin(
            actor, self.prod, NewRelease(locations=[using(image, location)])
        )
        stored = self.store.locations.get("prod", location)
        assert json.loads(stored.deploy_data)["image"] == stored.document["image"]
        return str(stored.document["image"])


def using(image: str, name: str = "weather") -> NewLocation:
    return NewLocation(
        name=name,
        document={"location_name": name, "image": image},
        deploy_data=json.dumps({"image": image, "more": 1}),
        deploy_id=image,
        queue=None,
    )


@pytest.fixture
def plane(tmp_path: Path) -> Iterator[Plane]:
    clock = ManualClock()
    store = empty_store(tmp_path, clock)
    prod = store.deployments.create("prod")
    store.deployments.create("staging")
    registry = PlayedImageRegistry(HOST)
    control = control_without_dagster(store, registry=registry)
    # An agent for every queue has called, and is about to be heard of.
    store.tokens.create("beating", TokenKind.AGENT, "beating", Grant())
    store.tokens.authenticate("beating")
    yield Plane(store=store, control=control, clock=clock, prod=prod, registry=registry)
    store.close()


def test_a_login_is_good_for_half_a_day_and_as_long_as_its_token(plane: Plane) -> None:
    ci = plane.actor("ci")
    login = plane.control.images.login(ci, plane.prod)
    assert ci.token is not None

    assert login.repository == "prod"
    assert ":" not in login.password
    reader = plane.control.token_reader
    assert reader.of_password(login.password).id == ci.token.id
    plane.clock.advance(13 * 3600)
    with pytest.raises(UnauthenticatedError, match="expired"):
        reader.of_password(login.password)
    again = plane.control.images.login(ci, plane.prod).password
    plane.store.tokens.revoke(ci.token.id)
    with pytest.raises(UnauthenticatedError):
        reader.of_password(again)


def test_other_sealed_texts_are_no_passwords(plane: Plane) -> None:
    token = plane.actor("ci").token
    assert token is not None
    sealed = plane.store.seals.seal("something else", {"sub": str(token.id)}, 60)
    empty = plane.store.seals.seal("registry", {}, 60)

    for text in (sealed, empty, "hunter2", "", f"{sealed[:-2]}xx"):
        with pytest.raises(UnauthenticatedError, match="neither a token nor a password"):
            plane.control.token_reader.of_password(text)


def test_a_part_of_a_deployment_is_pushed_apart(plane: Plane) -> None:
    weather = plane.actor("weather", WEATHER)
    own = plane.control.images.login(weather, plane.prod).repository

    plane.control.images.require_push(weather, own)
    plane.control.images.require_push(weather, f"{own}/weather")
    for name in ("prod", "prod/weather", own.replace(own[-4:], "0000")):
        with pytest.raises(ForbiddenError, match=own):
            plane.control.images.require_push(weather, name)
        with pytest.raises(ForbiddenError, match=own):
            plane.control.images.require_pull(weather, name, DIGEST)
    plane.control.images.require_pull(plane.actor("ci"), own, "a-tag")


@pytest.mark.parametrize(
    "grant",
    [
        Grant(deployments=["staging"]),
        Grant(roles=Roles(default=Role.VIEWER)),
    ],
)
def test_who_may_not_deploy_there_neither_pushes_nor_pulls(plane: Plane, grant: Grant) -> None:
    other = plane.actor("other", grant)

    with pytest.raises(ForbiddenError):
        plane.control.images.login(other, plane.prod)
    with pytest.raises(ForbiddenError):
        plane.control.images.require_push(other, "prod")
    with pytest.raises(ForbiddenError):
        plane.control.images.require_pull(other, "prod", DIGEST)


def test_agents_pull_by_digest_where_they_serve(plane: Plane) -> None:
    grant = Grant(deployments=["prod"], queues=["heavy"])
    agent = plane.actor("agent", grant, TokenKind.AGENT)

    plane.control.images.require_pull(agent, "prod", DIGEST)
    for reference in ("a-tag", "*"):
        with pytest.raises(ForbiddenError, match="by their digest only"):
            plane.control.images.require_pull(agent, "prod", reference)
    with pytest.raises(ForbiddenError):
        plane.control.images.require_pull(agent, "staging", DIGEST)
    with pytest.raises(ForbiddenError):
        plane.control.images.require_push(agent, "prod")


def test_a_repository_of_no_deployment_is_refused(plane: Plane) -> None:
    with pytest.raises(ForbiddenError, match="of no deployment"):
        plane.control.images.require_push(plane.actor("ci"), "elsewhere")


def test_a_release_names_what_was_pushed_last(plane: Plane) -> None:
    ci = plane.actor("ci")
    plane.push(ci, "prod", "1", OTHER)
    plane.push(ci, "prod", "1", DIGEST)

    assert plane.released(ci, f"{HOST}/prod:1") == f"{HOST}/prod:1@{DIGEST}"
    # What is pinned stays, whatever the tag has become.
    assert plane.released(ci, f"{HOST}/prod:1@{OTHER}") == f"{HOST}/prod:1@{OTHER}"


def test_a_tag_that_others_overwrite_keeps_the_image_that_may_be_used(plane: Plane) -> None:
    ci = plane.actor("ci", Grant(deployments=["prod"]))
    plane.push(ci, "prod", "1", DIGEST)
    # Nobody else may push there; what if somebody could.
    for_other_location = Uploader.of(plane.store.tokens.create("x", TokenKind.USER, "x", WEATHER))
    assert not for_other_location.may_supply(plane.prod, "tides", ci.uploader)
    other = plane.actor("other", Grant(deployments=["prod"], locations=["weather"]))
    own = Repository.of("prod", other.uploader).name
    plane.push(other, own, "1", OTHER)

    assert plane.released(ci, f"{HOST}/prod:1", "tides") == f"{HOST}/prod:1@{DIGEST}"
    with pytest.raises(InvalidDocumentError, match="may not deploy this location"):
        plane.released(ci, f"{HOST}/{own}:1", "tides")
    assert plane.released(other, f"{HOST}/{own}:1") == f"{HOST}/{own}:1@{OTHER}"


def test_an_image_may_come_from_another_deployment(plane: Plane) -> None:
    ci = plane.actor("ci")
    plane.push(ci, "staging", "1")

    assert plane.released(ci, f"{HOST}/staging:1") == f"{HOST}/staging:1@{DIGEST}"


def test_what_was_never_pushed_is_refused_with_what_to_do(plane: Plane) -> None:
    ci = plane.actor("ci")
    plane.push(ci, "prod", "1")

    with pytest.raises(InvalidDocumentError, match="not pushed .* under this tag.*docker push"):
        plane.released(ci, f"{HOST}/prod:2")
    with pytest.raises(InvalidDocumentError, match="with this digest"):
        plane.released(ci, f"{HOST}/prod@{OTHER}")
    with pytest.raises(InvalidDocumentError, match="is not the name of an image"):
        plane.released(ci, f"{HOST}/Prod:1")


def test_what_was_deployed_may_come_back(plane: Plane) -> None:
    ci = plane.actor("ci")
    plane.push(ci, "prod", "1")
    pinned = plane.released(ci, f"{HOST}/prod:1")
    plane.store.pushed_images.forget("prod", DIGEST, before=plane.clock() + 1)

    assert plane.released(ci, pinned) == pinned
    with pytest.raises(InvalidDocumentError, match="not pushed"):
        plane.released(ci, pinned, "tides")


def test_images_of_other_registries_stay_as_they_are(plane: Plane) -> None:
    assert plane.released(SYSTEM, "ghcr.io/acme/etl:3") == "ghcr.io/acme/etl:3"


def test_without_a_registry_no_image_is_its_own(plane: Plane) -> None:
    control = control_without_dagster(plane.store)
    control.releases.begin(SYSTEM, plane.prod, NewRelease(locations=[using(f"{HOST}/prod:1")]))

    assert plane.store.locations.get("prod", "weather").document["image"] == f"{HOST}/prod:1"


def sweep(plane: Plane) -> set[str]:
    """What the next sweep removes of images."""
    report = plane.control.storage.sweep(SYSTEM, Retention(days=10, releases=2, runs=1))
    return {each.name for each in report.removable if each.kind is StoredKind.IMAGE}


def test_what_is_live_or_may_come_back_stays_and_the_rest_goes(plane: Plane) -> None:
    ci = plane.actor("ci")
    digests = [f"sha256:{each * 64}" for each in "01234"]
    for number, digest in enumerate(digests):
        plane.push(ci, "prod", str(number), digest)
    for number in range(4):
        plane.released(ci, f"{HOST}/prod:{number}")
        plane.store.releases.set_loaded(
            "prod", "weather", deploy_id=f"{HOST}/prod:{number}", manifest="{}"
        )
    plane.clock.advance(11 * DAY_SECONDS)

    assert sweep(plane) == {f"prod@{digests[number]}" for number in (0, 4)}
    assert plane.registry.removed == [f"prod@{digests[0]}", f"prod@{digests[4]}"]
    assert {each.digest for each in plane.store.pushed_images.within(["prod"])} == {*digests[1:4]}


def test_an_image_that_was_pushed_lately_stays_with_its_parts(plane: Plane) -> None:
    ci = plane.actor("ci")
    part, other = (f"sha256:{each * 64}" for each in "01")
    plane.push(ci, "prod", part, part)
    plane.push(ci, "prod", other, other)
    plane.clock.advance(11 * DAY_SECONDS)
    index = ImageManifest(digest=DIGEST, parts=frozenset({part}))
    plane.control.images.note_pushed(ci, "prod", "1", index)

    assert sweep(plane) == {f"prod@{other}"}


def test_parts_of_what_is_live_stay(plane: Plane) -> None:
    ci = plane.actor("ci")
    part = f"sha256:{'0' * 64}"
    plane.push(ci, "prod", part, part)
    index = ImageManifest(digest=DIGEST, parts=frozenset({part}))
    plane.control.images.note_pushed(ci, "prod", "1", index)
    plane.released(ci, f"{HOST}/prod:1")
    plane.clock.advance(11 * DAY_SECONDS)

    assert sweep(plane) == set()


@pytest.mark.parametrize("trouble", ["is_away", "refuses"])
def test_what_the_registry_does_not_remove_is_still_known(plane: Plane, trouble: str) -> None:
    plane.push(plane.actor("ci"), "prod", "1")
    before = plane.store.pushed_images.within(["prod"])
    plane.clock.advance(11 * DAY_SECONDS)
    setattr(plane.registry, trouble, True)

    assert sweep(plane) == set()
    assert plane.store.pushed_images.within(["prod"]) == before
    setattr(plane.registry, trouble, False)
    assert sweep(plane) == {f"prod@{DIGEST}"}
