"""PEX files that somebody stores before those do whose code is to run."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from urllib.parse import urlsplit

import httpx
import pytest

from dagstead.model.pex_names import PexName
from dagstead.plane.blobs import BlobKey, BlobKind
from dagstead.plane.organization import ORGANIZATION
from dagstead.plane.tokens import Grant, TokenKind
from dagstead.plane.trust import JobGrant
from tests.attack.pex_world import Caller, World, empty_manifest
from tests.support.oidc_issuer import OidcIssuer
from tests.unit.server.conftest import Plane
from tests.unit.server.oidc_jobs import PROD, trust

pytestmark = pytest.mark.usefixtures("no_policies")

GOOD, EVIL = b"what was reviewed", b"what was not"
BRANCHES = JobGrant(deployments=frozenset(), branch_deployments=True, locations=None)
#: More than a pull request needs, but what people write.
TOO_MUCH = JobGrant(deployments=frozenset({"prod"}), branch_deployments=True, locations=None)
ROLL_BACK = """mutation { rollBack(number: 2) { __typename
  ... on PythonError { message } ... on InvalidLocationError { errors } } }"""


@pytest.fixture
def world(
    plane: Plane, client: httpx.Client, github: OidcIssuer, request: pytest.FixtureRequest
) -> Iterator[World]:
    digest = hashlib.sha1(request.node.name.encode(), usedforsecurity=False).hexdigest()
    made = World(plane=plane, client=client, github=github, name=f"source-{digest}.pex")
    for name in ("prod", "staging"):
        made.waits(name)
    yield made
    plane.clock.advance(60)


def test_what_a_pull_request_stored_first_never_reaches_prod(world: World) -> None:
    trust(world.plane, world.github, BRANCHES, any_ref=True)
    branch = world.branch()
    pull_request = world.pull_request(branch)
    pull_request.stores(world.name, EVIL)
    world.plane.store.trust.remove(world.plane.store.trust.all()[0].id)
    trust(world.plane, world.github, PROD)
    main = world.job()

    # Main's upload is neither left out nor in vain.
    assert not main.finds(world.name)
    assert "may not deploy this location" in main.deploy(world.name)
    main.stores(world.name, GOOD)
    assert main.deploy(world.name) == ""

    assert world.loads() == [GOOD]
    assert pull_request.deploy(world.name) == ""
    assert world.loads(branch) == [EVIL]
    # And not when it is stored afterwards, either.
    pull_request.stores(world.name, EVIL + b" again")
    assert main.deploy(world.name) == ""
    assert world.loads() == [GOOD]


@pytest.mark.parametrize(
    "job",
    [
        {"ref": "refs/pull/7/merge", "event_name": "pull_request"},
        {"ref": "refs/heads/main", "event_name": "pull_request_target"},
        {"ref": "refs/pull/7/head"},
    ],
)
def test_a_pull_request_that_may_do_too_much_stores_nothing_for_main(
    world: World, job: Mapping[str, str]
) -> None:
    trust(world.plane, world.github, TOO_MUCH, any_ref=True)
    outsiders = {"event_name": "pull_request_target"}
    trust(world.plane, world.github, TOO_MUCH, any_ref=True, claims=outsiders)
    world.job(**job).stores(world.name, EVIL)

    main = world.job()

    assert not main.finds(world.name)
    assert "may not deploy this location" in main.deploy(world.name)


@pytest.mark.parametrize(
    "grant",
    [
        Grant(deployments=[], branch_deployments=True),
        Grant(deployments=["staging"], branch_deployments=False),
        Grant(deployments=["staging"], branch_deployments=True, repository="org/repo"),
        Grant(deployments=["prod"], locations=["digits"], branch_deployments=False),
    ],
)
def test_a_token_supplies_only_what_it_may_deploy_itself(world: World, grant: Grant) -> None:
    deployment = next(iter(grant.deployments or ()), None) or world.branch()
    writer = world.holder(grant, deployment)
    writer.stores(world.name, EVIL)
    everybody = world.holder(Grant())

    refusal = everybody.deploy(world.name)

    assert "may not deploy this location to 'prod' itself" in refusal
    assert not everybody.finds(world.name)
    if grant.locations:
        assert everybody.deploy(world.name, location="digits") == ""


def test_a_location_of_many_takes_nothing_from_the_token_of_another(world: World) -> None:
    weather = world.holder(Grant(deployments=["prod"], locations=["weather"]))
    digits = world.holder(Grant(deployments=["prod"], locations=["digits"]))
    shared = world.name.replace("source", "deps")
    digits.stores(shared, EVIL)
    weather.stores(world.name, GOOD)

    assert not weather.finds(shared)
    assert "may not deploy this location" in weather.deploy(shared, world.name)

    weather.stores(shared, GOOD)
    assert weather.deploy(shared, world.name) == ""
    assert world.loads() == [GOOD, GOOD]


def test_a_branch_uses_what_those_have_stored_whom_its_base_trusts(world: World) -> None:
    branch = world.branch(base="prod")
    for_branches = world.holder(Grant(deployments=[], branch_deployments=True), branch)
    world.holder(Grant(deployments=["staging"], branch_deployments=False), "staging").stores(
        world.name, EVIL
    )
    assert "may not deploy" in for_branches.deploy(world.name)

    world.holder(Grant(deployments=["prod"], branch_deployments=False)).stores(world.name, GOOD)

    assert for_branches.deploy(world.name) == ""
    assert world.loads(branch) == [GOOD]


def test_a_file_that_is_not_what_its_name_says_is_not_stored(world: World) -> None:
    caller = world.holder(Grant())
    pinned = str(PexName.of(world.name).pinned_to(hashlib.sha256(GOOD).hexdigest()))

    for content in (EVIL, GOOD[:-1], b""):
        answer = caller.send(pinned, content)
        assert answer.status_code == 400
        assert "SHA-256" in answer.json()["errors"][0]["message"]
    assert not caller.finds(pinned)
    assert "is not stored here" in caller.deploy(pinned)

    caller.stores(pinned, GOOD)
    assert caller.finds(pinned)
    assert caller.deploy(pinned) == ""
    assert world.loads() == [GOOD]


def test_a_builder_gets_what_it_built_and_nothing_else_of_that_name(world: World) -> None:
    digests = {content: hashlib.sha256(content).hexdigest() for content in (GOOD, EVIL)}
    good, evil = (str(PexName.of(world.name).pinned_to(digest)) for digest in digests.values())
    caller = world.holder(Grant())
    caller.stores(world.name, EVIL)

    assert caller.finds(world.name)
    assert caller.finds(evil)
    assert not caller.finds(good)
    assert "not with the SHA-256" in caller.deploy(good)

    caller.stores(good, GOOD)
    assert caller.deploy(good) == ""
    assert world.loads() == [GOOD]


def test_a_file_that_was_cut_off_does_not_stay(world: World) -> None:
    caller = world.holder(Grant())
    caller.stores(world.name, GOOD[:-3])
    assert caller.deploy(world.name) == ""
    assert world.loads() == [GOOD[:-3]]

    caller.stores(world.name, GOOD)

    assert caller.deploy(world.name) == ""
    assert world.loads() == [GOOD]


def test_the_pinned_name_of_somebody_elses_file_opens_nothing(world: World) -> None:
    world.holder(Grant(deployments=["prod"], branch_deployments=False)).stores(world.name, GOOD)
    pinned = str(PexName.of(world.name).pinned_to(hashlib.sha256(GOOD).hexdigest()))
    other = world.holder(Grant(deployments=["staging"], branch_deployments=False), "staging")

    assert not other.finds(pinned)
    assert "may not deploy" in other.deploy(pinned)
    assert world.client.get(other.address(pinned, "GET")).status_code == 404
    assert world.client.get(other.address(world.name, "GET")).status_code == 404


def test_an_address_is_good_for_one_content_and_one_token(world: World) -> None:
    token, secret = world.plane.token(TokenKind.USER, Grant(deployments=["prod"]))
    caller = Caller(plane=world.plane, client=world.client, secret=secret)
    address = caller.address(world.name)
    put = world.client.put
    assert put(address, content=GOOD).is_success
    # The official client sends a file again when it has got no answer.
    assert put(address, content=GOOD).is_success

    again = put(address, content=EVIL)
    assert again.status_code == 400
    assert "good for one content" in again.json()["errors"][0]["message"]
    assert caller.deploy(world.name) == ""
    assert world.loads() == [GOOD]

    world.plane.clock.advance(1)
    unused = caller.address(world.name)
    assert put(unused.replace(world.name, f"x{world.name}"), content=EVIL).status_code == 403
    assert put(unused.replace(scope_of(unused), ORGANIZATION), content=EVIL).status_code == 403
    assert put(unused.replace("%40", "1%40"), content=EVIL).status_code == 403
    assert world.client.post(unused, files={"file": EVIL}).status_code == 403
    world.plane.store.tokens.revoke(token.id)
    assert put(unused, content=EVIL).status_code == 401
    assert world.loads() == [GOOD]


def test_an_address_for_something_else_stores_no_pex_file(world: World) -> None:
    blobs = world.plane.store.blobs
    for scope in (ORGANIZATION, "by-somebody"):
        address = blobs.sign(BlobKey(BlobKind.PEX, scope, world.name), "PUT")
        assert world.client.put(address, content=EVIL).status_code == 403


def test_the_cache_of_a_pull_request_is_not_that_of_main(world: World) -> None:
    trust(world.plane, world.github, TOO_MUCH, any_ref=True)
    cache = world.name.replace("source-", "requirements-").replace(".pex", ".txt")
    job = world.job(ref="refs/pull/7/merge", event_name="pull_request")
    job.stores(cache, b'{"deps_pex_name": "deps-evil.pex", "dagster_version": "1"}')

    assert world.client.get(job.address(cache, "GET")).is_success
    assert world.client.get(world.job().address(cache, "GET")).status_code == 404
    assert world.client.get(world.holder(Grant()).address(cache, "GET")).status_code == 404


def test_what_an_earlier_version_took_under_a_pinned_name_is_nothing(world: World) -> None:
    pinned = str(PexName.of(world.name).pinned_to(hashlib.sha256(GOOD).hexdigest()))
    world.plane.store.blobs.put(BlobKey(BlobKind.PEX, ORGANIZATION, pinned), EVIL)
    caller = world.holder(Grant())

    assert not caller.finds(pinned)
    assert "is not stored here" in caller.deploy(pinned)

    caller.stores(world.name, GOOD)
    assert caller.deploy(world.name) == ""
    assert world.loads() == [GOOD]


def test_a_rollback_brings_back_what_was_there(world: World) -> None:
    deployment = "rolled-back"
    world.plane.store.deployments.create(deployment)
    world.waits(deployment)
    caller = world.holder(Grant(deployments=[deployment]), deployment)

    def deploy(name: str) -> None:
        assert caller.deploy(name) == ""
        deployed = world.plane.store.locations.get(deployment, "weather")
        world.plane.store.releases.set_loaded(
            deployment,
            "weather",
            deploy_id=deployed.deploy_id,
            manifest=empty_manifest(deployed.deploy_data),
        )

    caller.stores(world.name, GOOD)
    deploy(world.name)
    other = world.name.replace("source-", "source-0")
    caller.stores(other, b"something else")
    deploy(other)
    caller.stores(world.name, EVIL)

    # By another one, whose own files are others.
    answer = world.holder(Grant(), deployment).ask(ROLL_BACK)["rollBack"]

    assert answer["__typename"] == "Release", answer
    assert world.loads(deployment) == [GOOD]


def test_an_agent_reads_the_files_of_what_it_may_run(world: World) -> None:
    caller = world.holder(Grant())
    caller.stores(world.name, GOOD)
    assert caller.deploy(world.name) == ""
    pinned = str(PexName.of(world.name).pinned_to(hashlib.sha256(GOOD).hexdigest()))

    assert world.artifact(pinned, Grant(deployments=["prod"])).is_success
    for grant in (
        Grant(deployments=["staging"], branch_deployments=False),
        Grant(deployments=["prod"], queues=["gpu"]),
    ):
        assert world.artifact(pinned, grant).status_code == 404
    # A name that was not pinned is what an earlier version has stored, and nothing else.
    assert world.artifact(world.name).status_code == 404


def test_files_of_an_earlier_version_are_the_organizations(world: World) -> None:
    key = BlobKey(BlobKind.PEX, ORGANIZATION, world.name)
    world.plane.store.blobs.put(key, GOOD)
    limited = world.holder(Grant(deployments=["prod"], branch_deployments=False))
    assert limited.finds(world.name)
    assert limited.deploy(world.name) == ""
    assert world.loads() == [GOOD]

    # A location that was deployed before asks for it by its plain name.
    answer = world.artifact(world.name).json()
    assert world.client.get(answer["url"]).content == GOOD
    assert answer["sha256"] == hashlib.sha256(GOOD).hexdigest()
    # Nobody replaces it.
    limited.stores(world.name, EVIL)
    assert world.plane.store.blobs.get(key) == GOOD
    everybody = world.holder(Grant())
    assert everybody.deploy(world.name) == ""


def scope_of(address: str) -> str:
    return urlsplit(address).path.split("/")[3]
