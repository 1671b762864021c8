"""What a token grants of deployments, for every combination of its limits."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from dagstead.errors import ForbiddenError
from dagstead.plane.deployments import (
    Branch,
    Deployment,
    DeploymentKind,
    branch_deployment_name,
)
from dagstead.plane.projects import Project
from dagstead.plane.tokens import Token, TokenKind
from dagstead.plane.trust import Provider
from tests.support.tokens import token_of

ISSUERS = {Provider.GITHUB: ["https://hub"], Provider.GITLAB: ["https://lab", "https://lab2"]}
PATHS = ["good/app", "evil/app", "good/sub/app"]


@st.composite
def projects(draw: st.DrawFn) -> Project:
    provider = draw(st.sampled_from(list(Provider)))
    return Project(
        path=draw(st.sampled_from(PATHS)),
        provider=provider,
        issuer=draw(st.sampled_from(ISSUERS[provider])),
        id=draw(st.sampled_from(["1", "2", None])),
    )


@st.composite
def tokens(draw: st.DrawFn) -> Token:
    project = draw(st.one_of(st.none(), projects()))
    names = st.sampled_from(["prod", "staging", "branch"])
    return token_of(
        draw(st.sampled_from([kind for kind in TokenKind if kind is not TokenKind.METRICS])),
        deployments=draw(st.one_of(st.none(), st.frozensets(names))),
        branch_deployments=draw(st.booleans()),
        repository=project and project.path,
        project=project,
        locations=draw(st.one_of(st.none(), st.just(frozenset({"weather"})))),
    )


@st.composite
def branches(draw: st.DrawFn) -> Deployment:
    reported = draw(st.sampled_from([*PATHS, "app"]))
    return _deployment(
        DeploymentKind.BRANCH, "branch", reported, draw(st.one_of(st.none(), projects()))
    )


def _deployment(
    kind: DeploymentKind, name: str, repo: str | None = None, project: Project | None = None
) -> Deployment:
    branch = None if repo is None else Branch(repo_name=repo, branch_name="f")
    return Deployment(id=1, name=name, kind=kind, created_at=0, branch=branch, project=project)


def _grants(token: Token, deployment: Deployment) -> bool:
    return token.grants_deployment(
        deployment.name,
        is_branch=deployment.is_branch,
        repository=deployment.repository,
        owner=deployment.project,
    )


@given(name=st.sampled_from(["prod", "staging"]), is_branch=st.booleans())
def test_a_token_for_metrics_grants_none(name: str, *, is_branch: bool) -> None:
    token = token_of(TokenKind.METRICS, branch_deployments=True)
    assert not token.grants_deployment(name, is_branch=is_branch)


@given(token=tokens(), name=st.sampled_from(["prod", "staging", "other"]))
def test_full_deployments_are_granted_by_name_or_all(token: Token, name: str) -> None:
    granted = token.deployments is None or name in token.deployments
    assert _grants(token, _deployment(DeploymentKind.FULL, name)) is granted


@given(token=tokens(), branch=branches())
def test_no_branch_deployments_means_no(token: Token, branch: Deployment) -> None:
    named = token.deployments is not None and branch.name in token.deployments
    if named:
        assert _grants(token, branch)
    elif not token.branch_deployments:
        assert not _grants(token, branch)
    elif token.project is None:
        assert _grants(token, branch)


@given(token=tokens(), branch=branches())
def test_a_job_reaches_no_branch_deployment_of_another_project(
    token: Token, branch: Deployment
) -> None:
    own, owner = token.project, branch.project
    named = token.deployments is not None and branch.name in token.deployments
    if own is None or named or not _grants(token, branch):
        return
    if owner is None:
        assert branch.repository == own.path
        return
    assert owner.issuer == own.issuer
    assert owner.id == own.id if None not in {owner.id, own.id} else owner.path == own.path


@given(token=tokens(), reported=st.sampled_from([*PATHS, "app", "sub/app"]))
def test_who_may_open_a_branch_deployment_may_use_it_then(token: Token, reported: str) -> None:
    name = branch_deployment_name(reported, "f", token.project)
    try:
        token.require_branches_of(name, reported)
    except ForbiddenError:
        return
    opened = _deployment(DeploymentKind.BRANCH, name, reported, token.project)
    assert token.branch_deployments
    assert _grants(token, opened)


@given(one=projects(), other=projects(), reported=st.sampled_from([*PATHS, "app"]))
def test_two_projects_that_may_report_the_same_have_deployments_of_their_own(
    one: Project, other: Project, reported: str
) -> None:
    if one.is_same(other) or not (one.may_report(reported) and other.may_report(reported)):
        return
    names = {branch_deployment_name(reported, "f", each) for each in (one, other)}
    # A path is one repository of a server. Where another server has the same path, or the
    # repository was made anew, the second is refused: see `Deployments.open_branch`.
    assert len(names) == 2 or reported == one.path == other.path


@given(one=projects(), other=projects())
def test_the_same_is_the_same_from_both_sides(one: Project, other: Project) -> None:
    assert one.is_same(one)
    assert one.is_same(other) is other.is_same(one)
    assert Project.of_stored(one.as_stored) == one


@given(token=tokens())
def test_what_is_granted_is_described(token: Token) -> None:
    described = token.describe_deployments()
    assert ("branch deployments" in described) is (token.branch_deployments and described != "all")
    if described == "all":
        assert (token.deployments, token.branch_deployments, token.project) == (None, True, None)
