"""Whose PEX files a release may use: of those who may deploy the same without anybody's help."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dagstead.model.pex_names import PexName
from dagstead.plane.deployments import Branch, Deployment, DeploymentKind
from dagstead.plane.organization import ORGANIZATION
from dagstead.plane.pex_files import Uploader
from dagstead.plane.projects import Project
from dagstead.plane.roles import EDITOR, Role, RoleGrant, Roles
from dagstead.plane.tokens import Token, TokenKind
from dagstead.plane.trust import Provider

_NAMES = st.sampled_from(["prod", "staging"])
_LOCATIONS = st.sampled_from(["weather", "digits"])
_REPOSITORIES = st.sampled_from(["org/one", "org/two"])
_PROJECTS = st.builds(
    Project,
    path=_REPOSITORIES,
    provider=st.just(Provider.GITLAB),
    issuer=st.sampled_from(["https://one", "https://two"]),
    id=st.none() | st.sampled_from("12"),
)
_SOME_LOCATIONS = st.none() | st.frozensets(_LOCATIONS, min_size=1)


def _lesser(grants: frozenset[RoleGrant]) -> str:
    roles = Roles(default=Role.VIEWER, grants=grants)
    return json.dumps(roles.as_json(), sort_keys=True)


#: Of viewers who may deploy in some places.
_LESSER_ROLES = st.builds(
    _lesser,
    st.frozensets(
        st.builds(
            RoleGrant,
            role=st.just(Role.EDITOR),
            deployment=_NAMES,
            location=st.none() | _LOCATIONS,
        )
    ),
)
#: With tokens that people make, and with those that jobs get.
UPLOADERS = st.builds(
    Uploader,
    deployments=st.none() | st.frozensets(_NAMES),
    branch_deployments=st.booleans(),
    locations=_SOME_LOCATIONS,
) | st.builds(
    Uploader,
    deployments=st.frozensets(_NAMES),
    branch_deployments=st.booleans(),
    project=_PROJECTS,
    locations=_SOME_LOCATIONS,
    roles=st.none() | _LESSER_ROLES,
    is_pull_request=st.booleans(),
)


def full(name: str) -> Deployment:
    return Deployment(id=1, name=name, kind=DeploymentKind.FULL, created_at=0.0)


def branch(repository: str, base: str | None, owner: Project | None) -> Deployment:
    made = Branch(repo_name=repository, branch_name="f")
    return Deployment(
        id=2,
        name="b",
        kind=DeploymentKind.BRANCH,
        created_at=0.0,
        branch=made,
        base=base,
        project=owner,
    )


DEPLOYMENTS = st.builds(full, _NAMES) | st.builds(
    branch,
    _REPOSITORIES | st.sampled_from(["one", "two"]),
    st.none() | _NAMES,
    st.none() | _PROJECTS,
)


def token(uploader: Uploader) -> Token:
    return Token(
        id=1,
        name="ci",
        kind=TokenKind.USER,
        deployments=uploader.deployments,
        queues=None,
        branch_deployments=uploader.branch_deployments,
        created_at=0.0,
        revoked_at=None,
        last_used_at=None,
        repository=None if uploader.project is None else uploader.project.path,
        project=uploader.project,
        locations=uploader.locations,
        roles=EDITOR if uploader.roles is None else Roles.from_json(json.loads(uploader.roles)),
        is_pull_request=uploader.is_pull_request,
    )


def may_deploy(uploader: Uploader, deployment: Deployment, location: str) -> bool:
    held = token(uploader)
    role = held.roles.at(deployment.name, location, is_branch=deployment.is_branch)
    if not role.includes(Role.EDITOR):
        return False
    return (held.locations is None or location in held.locations) and held.grants_deployment(
        deployment.name,
        is_branch=deployment.is_branch,
        repository=deployment.repository,
        owner=deployment.project,
    )


@given(UPLOADERS, DEPLOYMENTS, _LOCATIONS, UPLOADERS)
def test_nobody_supplies_what_the_token_may_not_deploy(
    uploader: Uploader, deployment: Deployment, location: str, to: Uploader
) -> None:
    if not uploader.may_supply(deployment, location, to):
        return
    if uploader.roles is not None:
        # What those may deploy who have the same roles is decided before.
        assert to == uploader
        return
    base = full(deployment.base or "prod") if deployment.is_branch else deployment
    assert may_deploy(uploader, deployment, location) or may_deploy(uploader, base, location)
    if uploader.is_pull_request and not deployment.is_branch:
        assert to.is_pull_request
        assert to.project == uploader.project


@given(UPLOADERS, DEPLOYMENTS, _LOCATIONS)
def test_everybody_deploys_what_they_have_stored_themselves(
    uploader: Uploader, deployment: Deployment, location: str
) -> None:
    if may_deploy(uploader, deployment, location):
        assert uploader.may_supply(deployment, location, uploader)


@given(UPLOADERS, UPLOADERS, DEPLOYMENTS, _LOCATIONS)
def test_what_need_not_be_sent_can_be_deployed(
    stored_by: Uploader, asking: Uploader, deployment: Deployment, location: str
) -> None:
    if stored_by.covers(asking) and may_deploy(asking, deployment, location):
        assert stored_by.may_supply(deployment, location, asking)


@given(UPLOADERS, UPLOADERS)
def test_a_namespace_is_of_those_who_may_deploy_the_same(one: Uploader, other: Uploader) -> None:
    if one.namespace == other.namespace:
        assert one == other or (one.is_organization and other.is_organization)
    assert Uploader.from_json(one.as_json()) == one
    assert Uploader.of(token(one)) == one
    assert (one.namespace == ORGANIZATION) is one.is_organization


def test_a_pull_request_is_never_the_organization() -> None:
    project = Project(path="org/one", issuer="https://one", id="1")
    job = Uploader(project=project, is_pull_request=True)
    assert not job.is_organization
    assert not job.may_supply(full("prod"), "weather", Uploader())
    another = replace(job, project=replace(project, id="2"))
    assert not job.may_supply(full("prod"), "weather", another)


def test_the_short_name_of_a_project_is_not_the_project() -> None:
    """Projects of two groups have one short name, and official clients report only that."""
    mine = Project(path="one/app", provider=Provider.GITLAB, issuer="https://one", id="1")
    theirs = replace(mine, path="two/app", id="2")
    job = Uploader(deployments=frozenset(), project=mine, is_pull_request=True)
    assert job.may_supply(branch("app", None, mine), "weather", job)
    assert not job.may_supply(branch("app", None, theirs), "weather", Uploader())
    # Nobody has verified whose this one is.
    assert not job.may_supply(branch("app", None, None), "weather", Uploader())


@pytest.mark.parametrize("name", ["source-1.pex", "a+b.pex", "requirements-1.txt", "x", ".pex"])
def test_a_name_is_pinned_and_read_again(name: str) -> None:
    assert PexName.of(name) == PexName(name)
    if name.endswith("1.pex") or name == "a+b.pex":
        pinned = PexName.of(name).pinned_to("0" * 64)
        assert PexName.of(str(pinned)) == pinned
        assert str(pinned) == f"{name[:-4]}+{'0' * 64}.pex"
