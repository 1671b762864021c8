"""Which code a secret reaches, which one wins, and who may see its value."""

from __future__ import annotations

from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as some

from dagstead.errors import ConfigurationError, InvalidInputError
from dagstead.plane.deployments import Branch, Deployment, DeploymentKind
from dagstead.plane.given_secrets import given_secrets
from dagstead.plane.roles import ADMIN, Role, RoleGrant, Roles
from dagstead.plane.secrets import (
    Home,
    Place,
    SecretKind,
    SecretTarget,
    StoredSecret,
    check_secret,
    effective,
    home_of,
    listed,
    may_list,
    may_see_value,
)
from dagstead.plane.tokens import Token, TokenKind

FULL, BRANCHES, BRANCH, LOCAL = (
    SecretKind.FULL,
    SecretKind.BRANCHES,
    SecretKind.BRANCH,
    SecretKind.LOCAL,
)
NAMES = ("prod", "staging")
PREVIEW = "0f" * 16


def full(name: str) -> Home:
    deployment = Deployment(id=1, name=name, kind=DeploymentKind.FULL, created_at=0.0)
    return home_of(deployment, NAMES)


def preview(base: str | None = "prod", *, repository: str = "org/app") -> Home:
    branch = Branch(repo_name=repository, branch_name="f")
    kind = DeploymentKind.BRANCH
    deployment = Deployment(id=2, name=PREVIEW, kind=kind, created_at=0.0, base=base, branch=branch)
    return home_of(deployment, NAMES)


def stored(place: Place, name: str = "KEY", batch: str = "b", number: int = 1) -> StoredSecret:
    return StoredSecret(id=str(number), name=name, place=place, batch=batch)


places = some.one_of(
    some.builds(
        Place,
        kind=some.sampled_from([FULL, BRANCHES, LOCAL]),
        deployment=some.sampled_from([None, *NAMES]),
        location=some.sampled_from([None, "etl", "weather"]),
    ),
    some.builds(
        Place,
        kind=some.just(BRANCH),
        deployment=some.sampled_from([PREVIEW, "ab" * 16]),
        location=some.sampled_from([None, "etl", "weather"]),
    ),
)
homes = some.sampled_from([full("prod"), full("staging"), preview(), preview("staging")])


@given(places, homes)
def test_code_of_branches_gets_nothing_of_full_deployments(place: Place, home: Home) -> None:
    found = effective([stored(place)], home, place.location)
    if found and home.deployment.is_branch:
        assert place.kind in {BRANCHES, BRANCH}
    if found and not home.deployment.is_branch:
        assert place.kind is FULL
    assert bool(found) is home.reached_by(place)
    if place.deployment not in {None, home.deployment.name, home.owner}:
        assert not found


@given(some.lists(places, unique=True), homes, some.sampled_from([None, "etl", "weather"]))
def test_the_one_for_fewer_places_wins(
    every: list[Place], home: Home, location: str | None
) -> None:
    secrets = [stored(place, number=number) for number, place in enumerate(every)]
    reached = effective(secrets, home, location)
    assert len(reached) <= 1
    found = next(iter(reached), None)
    there = [
        place for place in every if home.reached_by(place) and place.location in {None, location}
    ]
    assert (found is None) is (not there)
    if found is not None:

        def rank(place: Place) -> tuple[bool, bool, bool]:
            return place.location is not None, place.kind is BRANCH, place.deployment is not None

        assert rank(found.place) == max(map(rank, there))


def test_the_store_wins_over_the_environment() -> None:
    (of_environment,) = given_secrets({"DAGSTEAD_SECRET_KEY": "old", "PATH": "/bin"})
    of_all = stored(Place(kind=FULL))
    assert effective([of_all, of_environment.secret], full("prod"), None) == [of_all]
    assert effective([of_environment.secret], full("prod"), "etl") == [of_environment.secret]
    assert effective([of_environment.secret], preview(), "etl") == []
    assert "old" not in repr(of_environment)


@pytest.mark.parametrize(
    "name",
    ["A__B", "SNOWFLAKE__PASSWORD", "KEY__prod", "KEY__prod__etl", "KEY__", "__KEY", "_____"],
)
def test_a_variable_that_could_mean_two_things_is_refused(name: str) -> None:
    with pytest.raises(ConfigurationError, match="could mean two things") as refused:
        given_secrets({"DAGSTEAD_SECRET_GOOD": "v", f"DAGSTEAD_SECRET_{name}": "hunter2"})
    assert f"DAGSTEAD_SECRET_{name} could" in str(refused.value)
    assert "hunter2" not in str(refused.value)


@pytest.mark.parametrize("name", ["", "1A", "A-B", "A.B", "A B", "Ä", "DAGSTER_HOME", "A" * 256])
def test_what_cannot_name_a_variable_is_refused_everywhere(name: str) -> None:
    with pytest.raises(InvalidInputError):
        check_secret(name, "v")
    with pytest.raises(ConfigurationError, match="DAGSTEAD_SECRET_"):
        given_secrets({f"DAGSTEAD_SECRET_{name}": "hunter2"})


@pytest.mark.parametrize("value", ["a\0b", "\ud800", "x" * 65_537])
def test_what_no_variable_can_hold_is_refused_without_showing_it(value: str) -> None:
    with pytest.raises(InvalidInputError) as refused:
        check_secret("KEY", value)
    assert value not in str(refused.value)


@given(places, places, some.text(min_size=1), some.text(min_size=1))
def test_every_place_and_name_has_a_slot_of_its_own(
    one: Place, two: Place, name: str, other: str
) -> None:
    same = (one, name) == (two, other)
    assert (one.slot(name) == two.slot(other)) is same
    assert (one.digest(name) == two.digest(other)) is same


@pytest.mark.parametrize(
    ("base", "owner"), [("staging", "staging"), (None, "prod"), ("gone", None), (PREVIEW, None)]
)
def test_a_branch_deployment_has_one_home(base: str | None, owner: str | None) -> None:
    assert preview(base).owner == owner


def token(
    kind: TokenKind = TokenKind.USER,
    *,
    deployments: frozenset[str] | None = None,
    branch_deployments: bool = True,
    repository: str | None = None,
    locations: frozenset[str] | None = None,
    secret_values: frozenset[str] | None = None,
    roles: Roles = ADMIN,
) -> Token:
    return Token(
        id=1,
        name="t",
        kind=kind,
        deployments=deployments,
        queues=None,
        branch_deployments=branch_deployments,
        created_at=0.0,
        revoked_at=None,
        last_used_at=None,
        repository=repository,
        locations=locations,
        secret_values=secret_values,
        roles=roles,
    )


PERSON = token()
CI = token(deployments=frozenset({"prod"}), branch_deployments=False, repository="org/app")
CI_OF_ETL = token(
    deployments=frozenset({"prod"}), repository="org/app", locations=frozenset({"etl"})
)
PULL_REQUEST = token(deployments=frozenset(), repository="org/app")
AGENT = token(TokenKind.AGENT)


@given(places, homes)
def test_people_see_what_is_for_their_own_machines(place: Place, home: Home) -> None:
    may = may_see_value(PERSON, place, home)
    assert may is (place.kind is LOCAL and may_list(PERSON, place, home))


@given(places, homes)
def test_ci_sees_what_its_code_gets(place: Place, home: Home) -> None:
    for caller in (CI, CI_OF_ETL, PULL_REQUEST):
        if may_see_value(caller, place, home):
            assert home.reached_by(place)
            assert place.kind is not LOCAL
    if place.location == "weather":
        assert not may_list(CI_OF_ETL, place, home)
    else:
        assert may_see_value(CI_OF_ETL, place, home) is may_see_value(CI, place, home)


@given(places, homes)
def test_agents_see_no_value_in_a_list(place: Place, home: Home) -> None:
    assert not may_see_value(AGENT, place, home)


@given(places, homes, some.frozensets(some.sampled_from(list(SecretKind))))
def test_a_token_may_say_which_values_it_shows(
    place: Place, home: Home, kinds: frozenset[SecretKind]
) -> None:
    told = token(secret_values=frozenset(map(str, kinds)))
    assert may_see_value(told, place, home) is (home.shows(place) and place.kind in kinds)


@given(places, homes, some.sampled_from(list(Role)))
def test_values_are_for_editors(place: Place, home: Home, role: Role) -> None:
    every = frozenset(map(str, SecretKind))
    told = token(secret_values=every, roles=Roles(default=role))
    may = role.includes(Role.EDITOR) and home.shows(place)
    assert may_see_value(told, place, home) is may
    assert may_list(told, place, home) is home.shows(place)


@given(places)
def test_an_editor_of_a_location_sees_the_values_for_it(place: Place) -> None:
    more = RoleGrant(role=Role.EDITOR, deployment="prod", location="etl")
    roles = Roles(default=Role.VIEWER, grants=frozenset({more}))
    told = token(secret_values=frozenset(map(str, SecretKind)), roles=roles)
    home = full("prod")
    is_for_it = place.location == "etl" and place.kind is not SecretKind.BRANCHES
    assert may_see_value(told, place, home) is (is_for_it and home.shows(place))


def test_what_was_set_together_is_one_line() -> None:
    every = [
        stored(Place(kind=kind, deployment="prod", location=location), number=number)
        for number, (kind, location) in enumerate(product([FULL, LOCAL], ["a", "b"]))
    ]
    (line,) = listed(every)
    assert (line.kinds, line.locations) == ({FULL, LOCAL}, {"a", "b"})
    # Another value for one of them.
    again = [stored(every[0].place, batch="later", number=9), *every[1:]]
    lines = {(each.kinds, each.locations) for each in listed(again)}
    assert lines == {
        (frozenset({FULL}), frozenset({"a"})),
        (frozenset({FULL}), frozenset({"b"})),
        (frozenset({LOCAL}), frozenset({"a", "b"})),
    }


@given(some.lists(some.tuples(places, some.sampled_from("xy")), unique_by=lambda each: each[0]))
def test_lines_have_every_secret_once(every: list[tuple[Place, str]]) -> None:
    secrets = [stored(place, batch=batch, number=n) for n, (place, batch) in enumerate(every)]
    lines = listed(secrets)
    assert sorted(each.id for line in lines for each in line.parts) == sorted(
        each.id for each in secrets
    )


def test_a_target_is_a_set_of_places() -> None:
    target = SecretTarget(
        kinds=frozenset({FULL, LOCAL}), deployment="prod", locations=frozenset("ab")
    )
    assert len(target.places(is_branch=False)) == 4
    assert SecretTarget().places(is_branch=False) == {Place(kind=FULL)}
    assert SecretTarget(deployment=PREVIEW).places(is_branch=True) == {
        Place(kind=BRANCH, deployment=PREVIEW)
    }
    for wrong in (
        lambda: SecretTarget(kinds=frozenset({FULL}), deployment=PREVIEW).places(is_branch=True),
        lambda: SecretTarget(kinds=frozenset({BRANCH}), deployment="prod").places(is_branch=False),
        lambda: SecretTarget(locations=frozenset({""})).places(is_branch=False),
    ):
        with pytest.raises(InvalidInputError):
            wrong()
