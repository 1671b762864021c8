"""Branch deployments of other repositories: jobs of CI that claim them, or reach for them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import httpx
import pytest

from dagstead.control.actor import SYSTEM
from dagstead.plane.ci_logins import NewPins
from dagstead.plane.deployments import Branch
from dagstead.plane.tokens import Grant, TokenKind
from dagstead.plane.trust import JobFilter, JobGrant, NewPolicy, Provider
from dagstead.server.authentication import TOKEN_HEADER
from tests.support.oidc_issuer import OidcIssuer
from tests.unit.server.conftest import Plane
from tests.unit.server.oidc_jobs import claims, graphql, log_in

pytestmark = pytest.mark.usefixtures("no_policies")

BRANCHES = JobGrant(deployments=frozenset(), branch_deployments=True, locations=None)

OPEN = """mutation ($repo: String!, $branch: String!, $base: String) {
  result: createOrUpdateBranchDeployment(
    branchData: {repoName: $repo, branchName: $branch}, commit: {commitHash: "c", timestamp: 1},
    baseDeploymentName: $base
  ) { __typename ... on DagsterCloudDeployment { deploymentName } ... on PythonError { message } }
}"""
NAME = """query ($repo: String!, $branch: String!) {
  result: getBranchDeploymentName(repoName: $repo, branchName: $branch) }"""
LIST = "{ result: branchDeployments(limit: 99) { nodes { deploymentName } } }"


@dataclass(frozen=True, kw_only=True)
class Jobs:
    """Logs jobs of a GitLab server, and of GitHub, in."""

    plane: Plane
    client: httpx.Client
    issuer: OidcIssuer

    def trust(self, provider: Provider, repository: str, allowed: JobGrant = BRANCHES) -> None:
        wanted = JobFilter(repository=repository, any_ref=True, claims={})
        new = NewPolicy(issuer=self.issuer.url, provider=provider, wanted=wanted, allowed=allowed)
        self.plane.control.trust.add(SYSTEM, new, loopback=True)

    def gitlab(self, path: str, project_id: str | None) -> Job:
        self.trust(Provider.GITLAB, path)
        said = {"project_path": path, "project_id": project_id, "ref_path": "refs/heads/f"}
        return self._job(**said, repository=None)

    def github(self, path: str, repository_id: str | None) -> Job:
        self.trust(Provider.GITHUB, path)
        return self._job(repository=path, repository_id=repository_id)

    def _job(self, **said: Any) -> Job:
        signed = self.issuer.sign(claims(self.plane, self.issuer, **said))
        answer = log_in(self.client, signed)
        assert answer.status_code == 200, answer.text
        return Job(client=self.client, secret=answer.json()["token"])


@dataclass(frozen=True, kw_only=True)
class Job:
    """A job with its token. It asks as the official CLI does: at no deployment's address."""

    client: httpx.Client
    secret: str

    def ask(self, query: str, **variables: Any) -> Any:
        body = {"query": query, "variables": variables}
        answer = self.client.post("/graphql", json=body, headers={TOKEN_HEADER: self.secret})
        assert answer.status_code == 200, answer.text
        return answer.json()["data"]["result"]

    def open(self, repository: str, branch: str = "f", **more: Any) -> str:
        """The name of the deployment, or why there is none."""
        found = self.ask(OPEN, repo=repository, branch=branch, **more)
        return str(found.get("deploymentName") or found["message"])

    def reaches(self, deployment: str) -> bool:
        status = graphql(self.client, self.secret, deployment, "{ version }").status_code
        assert status in {200, 403}
        return status == 200

    def listed(self) -> set[str]:
        return {node["deploymentName"] for node in self.ask(LIST)["nodes"]}


@pytest.fixture
def jobs(plane: Plane, client: httpx.Client, github: OidcIssuer) -> Iterator[Jobs]:
    yield Jobs(plane=plane, client=client, issuer=github)
    for each in plane.store.deployments.all():
        if each.is_branch:
            plane.store.deployments.delete(each.name)


def test_a_short_name_belongs_to_the_project_that_reported_it(jobs: Jobs) -> None:
    good, evil = jobs.gitlab("goodgroup/app", "1"), jobs.gitlab("evilgroup/app", "2")

    # As the official CLI calls them: CI_PROJECT_NAME.
    ours = good.open("app")
    theirs = evil.open("app")

    assert ours != theirs
    assert (good.reaches(ours), evil.reaches(theirs)) == (True, True)
    assert (evil.reaches(ours), good.reaches(theirs)) == (False, False)
    assert (good.listed(), evil.listed()) == ({ours}, {theirs})
    # The name that the CLI asks for is the one that it gets.
    for job, name in ((good, ours), (evil, theirs)):
        assert job.ask(NAME, repo="app", branch="f") == name
    assert good.open("app") == ours, "opened again"


def test_nobody_takes_the_name_of_another_before_it_is_there(jobs: Jobs) -> None:
    evil, good = jobs.gitlab("evilgroup/app", "2"), jobs.gitlab("goodgroup/app", "1")
    taken = {evil.open("app"), evil.open("evilgroup/app")}
    ours = {good.open("app"), good.open("goodgroup/app")}
    assert taken.isdisjoint(ours)
    assert good.listed() == ours
    assert "may not use deployment" in evil.open("goodgroup/app")


@pytest.mark.parametrize("reported", ["app", "other/app", "ORG/app", "org/app/", "", "org/../org"])
def test_a_job_of_github_reports_its_full_name_or_nothing(jobs: Jobs, reported: str) -> None:
    job = jobs.github("org/app", "7")
    before = jobs.plane.store.deployments.all()
    assert "may not use deployment" in job.open(reported)
    assert jobs.plane.store.deployments.all() == before


@pytest.mark.parametrize(
    "reported", ["group", "sub/app", "group/app", "app.git", "x/group/sub/app"]
)
def test_a_job_of_gitlab_reports_its_path_or_its_last_part(jobs: Jobs, reported: str) -> None:
    job = jobs.gitlab("group/sub/app", "7")
    assert "may not use deployment" in job.open(reported)
    assert "may not use" not in job.open("group/sub/app") + job.open("app")


def test_what_was_never_verified_is_for_tokens_of_no_repository(jobs: Jobs) -> None:
    store = jobs.plane.store.deployments
    short = store.create_or_update_branch(Branch(repo_name="app", branch_name="f"), None)
    full = store.create_or_update_branch(Branch(repo_name="goodgroup/app", branch_name="f"), None)
    good, evil = jobs.gitlab("goodgroup/app", "1"), jobs.gitlab("evilgroup/app", "2")
    hub = jobs.github("evilgroup/app", "2")

    for job in (good, evil, hub):
        assert not job.reaches(short.name)
        assert short.name not in job.listed()
    assert not evil.reaches(full.name)
    # Its full path is known to be its own.
    assert good.reaches(full.name)
    assert good.open("goodgroup/app") == full.name
    found = store.get(full.name)
    assert found.project is not None
    assert found.project.id == "1"

    _, static = jobs.plane.token(TokenKind.USER, Grant(deployments=["prod"]))
    for each in (short, full):
        assert graphql(jobs.client, static, each.name, "{ version }").status_code == 200


def test_a_repository_of_the_same_name_that_was_made_anew_is_another(jobs: Jobs) -> None:
    first = jobs.github("org/anew", "17")
    ours = first.open("org/anew")
    pins = NewPins(issuer=jobs.issuer.url, repository="org/anew", number="18")
    jobs.plane.control.trust.pin(SYSTEM, pins, loopback=True)
    again = jobs.github("org/anew", "18")
    assert not again.reaches(ours)
    assert "may not use deployment" in again.open("org/anew")
    # A repository that was renamed is the same.
    renamed = jobs.github("org/renamed", "17")
    assert renamed.reaches(ours)


def test_a_project_of_another_server_with_the_same_number_is_another(
    jobs: Jobs, plane: Plane, client: httpx.Client
) -> None:
    ours = jobs.gitlab("group/app", "1").open("app")
    with OidcIssuer() as elsewhere:
        elsewhere.new_key("first")
        other = Jobs(plane=plane, client=client, issuer=elsewhere).gitlab("group/app", "1")
        assert not other.reaches(ours)
        assert other.open("app") != ours


def test_a_base_that_is_not_granted_is_refused(jobs: Jobs) -> None:
    """Code of the branch deployment would get the secrets that are for branches of the base."""
    jobs.plane.store.deployments.create("finance")
    job = jobs.github("org/app", "7")
    try:
        refused = {base: job.open("org/app", base=base) for base in ("finance", "no-such")}
        assert all("may not base branch deployments on" in each for each in refused.values())
        assert refused["finance"].replace("finance", "no-such") == refused["no-such"]
        # Without a base it would be based on this one, too.
        there = job.open("org/app", base="prod")
        assert jobs.plane.store.deployments.get(there).base == "prod"
        assert job.open("org/app", base="finance") == refused["finance"]

        of_finance = replace(BRANCHES, deployments=frozenset({"finance"}))
        jobs.trust(Provider.GITHUB, "org/finance", of_finance)
        granted = jobs.github("org/finance", "8").open("org/finance", base="finance")
        assert jobs.plane.store.deployments.get(granted).base == "finance"
    finally:
        jobs.plane.store.deployments.delete("finance")


def test_a_base_that_it_has_already_may_be_named_again(jobs: Jobs) -> None:
    jobs.plane.store.deployments.create("finance")
    try:
        made = jobs.plane.store.deployments.create_or_update_branch(
            Branch(repo_name="org/app", branch_name="f"), "finance"
        )
        assert jobs.github("org/app", "7").open("org/app", base="finance") == made.name
    finally:
        jobs.plane.store.deployments.delete("finance")


def test_a_base_must_be_a_name(jobs: Jobs) -> None:
    job = jobs.github("org/app", "7")
    assert "cannot name a deployment" in job.open("org/app", base="../prod")
