"""Errors in real repositories that people have confirmed, where no official program can."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class Label:
    """A confirmed kind of error in one repository."""

    #: Its folder's name in the corpus.
    repository: str
    #: Of the rule or remark; ``plan`` for what cannot be planned.
    code: str
    #: ``FILE:LINE``, of every statement.
    places: frozenset[str]
    reason: str


def _label(repository: str, code: str, reason: str, *places: str) -> Label:
    return Label(repository=repository, code=code, places=frozenset(places), reason=reason)


_NO_ADDRESS = "docker takes no such address of an image: it has a space, '<', '$' or '{'"
_NO_ACTION = "the official actions have no folder of that name, so that the job fails at once"
_NO_DOCKERFILE = "its workflow gives docker a Dockerfile elsewhere, which no official build finds"
_LOST = "the job deploys what one push changed, and never looks again at a push that was cancelled"
_NO_LOCATION = "the action reads its input 'location' as JSON, and there is none"
_HOOLI_LINES = (2, 19, 26, 33, 40, 47, 54)
_HOOLI = tuple(f"dagster_cloud.yaml:{line}" for line in _HOOLI_LINES)

LABELS: tuple[Label, ...] = (
    _label(
        "StevieJski+hooli-data-eng-pipelines",
        "DW152",
        _LOST,
        ".github/workflows/deploy-dagster-cloud.yml:13",
    ),
    _label("StevieJski+hooli-data-eng-pipelines", "plan", _NO_DOCKERFILE, *_HOOLI),
    _label(
        "cnolanminich+dbt-multiple-code-locations",
        "DS231",
        _NO_ADDRESS,
        "dagster_cloud.yaml:7",
        "dagster_cloud.yaml:13",
    ),
    _label(
        "cnolanminich+snowflake-branch-deployments",
        "DW140",
        _NO_ACTION,
        ".github/workflows/branch-deployment.yml:102",
        ".github/workflows/production-deployment.yml:37",
    ),
    _label(
        "dagster-io+dagster-cloud-hybrid-quickstart", "DS231", _NO_ADDRESS, "dagster_cloud.yaml:8"
    ),
    _label(
        "dagster-io+hooli-data-eng-pipelines",
        "DW152",
        _LOST,
        ".github/workflows/deploy-dagster-cloud.yml:13",
    ),
    _label("dagster-io+hooli-data-eng-pipelines", "plan", _NO_DOCKERFILE, *_HOOLI),
    _label(
        "nithinprasad93+netflix-dbt",
        "DW147",
        _NO_LOCATION,
        ".github/workflows/dagster_cloud_deploy.yml:24",
    ),
    _label(
        "tverrier+flightpulse",
        "DW140",
        _NO_ACTION,
        ".github/workflows/dagster-cloud-deploy.yml:53",
    ),
    _label("tverrier+flightpulse", "DS232", _NO_ADDRESS, "dagster_cloud.yaml:18"),
)
