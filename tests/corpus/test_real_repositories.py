"""No false error and no false location, in any repository of the corpus."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from dagstead.repository.ci.inspection import inspect
from dagstead.repository.ci.summaries import as_data, as_lines
from dagstead.repository.files import read_project
from dagstead.repository.rules.base import Subject
from dagstead.repository.rules.checking import judge
from dagstead.repository.rules.evidence import Evidence
from dagstead.repository.rules.registry import rules_about
from tests.corpus.judged import Judged, Statement, judged
from tests.corpus.labels import LABELS
from tests.corpus.oracles import Officials, wrong_locations
from tests.support.corpus import LISTING, stand_in
from tests.support.summary import SECTION

#: The official packages use what pydantic will remove.
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")

_LABELLED = frozenset(
    (each.repository, each.code, place) for each in LABELS for place in each.places
)


@pytest.fixture(scope="module")
def repositories(corpus: list[Path], tmp_path_factory: pytest.TempPathFactory) -> Sequence[Judged]:
    """Every repository, looked at once."""
    folder = tmp_path_factory.mktemp("corpus")
    return [
        judged(
            stand_in(repository, folder), repository.name, is_whole=(repository / LISTING).exists()
        )
        for repository in corpus
    ]


@pytest.fixture(scope="module")
def unconfirmed(repositories: Sequence[Judged]) -> dict[tuple[str, str, str], Statement]:
    """Errors that no official tool confirms, by repository, code and place."""
    return {
        (repository.name, error.code, error.place): error
        for repository in repositories
        for error in _unconfirmed(repository)
    }


def test_every_error_is_confirmed_by_an_official_tool_or_labelled(
    repositories: Sequence[Judged],
    unconfirmed: Mapping[tuple[str, str, str], Statement],
    request: pytest.FixtureRequest,
) -> None:
    false = [f"{key[0]}: {error}" for key, error in unconfirmed.items() if key not in _LABELLED]

    request.node.add_report_section("call", SECTION, summary(repositories))
    assert not false, "\n".join(false)


def test_every_label_is_needed(unconfirmed: Mapping[tuple[str, str, str], Statement]) -> None:
    assert sorted(_LABELLED - unconfirmed.keys()) == []


def test_locations_are_those_that_the_official_tools_deploy(
    repositories: Sequence[Judged],
) -> None:
    wrong = [
        f"{repository.name}: {sentence}"
        for repository in repositories
        for sentence in wrong_locations(repository.locations, Officials(repository.folder))
    ]

    assert not wrong, "\n".join(wrong)


def test_every_workflow_is_followed(corpus: list[Path]) -> None:
    shapes = set()
    for repository in corpus:
        inspection = inspect(read_project(repository))
        evidence = Evidence(project=inspection.project, followed=inspection)
        for finding in judge(evidence, rules_about(Subject.WORKFLOWS)):
            assert finding.found.message
        assert list(as_lines(inspection))
        assert as_data(inspection, "")["pattern"]
        shapes |= {each.verdict.shape for each in inspection.workflows}

    assert len(shapes) > 6


def _unconfirmed(repository: Judged) -> list[Statement]:
    officials = Officials(repository.folder)
    confirmed = {
        (error.code, error.place) for error in repository.errors if officials.confirms(error)
    }
    return [
        error
        for error in repository.errors
        if (error.code, error.place) not in confirmed and not _is_repeated(error, repository)
    ]


def _is_repeated(error: Statement, repository: Judged) -> bool:
    """Whether ``plan`` says again what ``check`` says: that is judged there."""
    return error.command == "plan" and any(
        each.command == "check" and each.place == error.place and each.code in error.message
        for each in repository.errors
    )


def summary(repositories: Sequence[Judged]) -> str:
    """How many repositories got an error, a warning, nothing; and by code."""
    worst = Counter(_worst(each) for each in repositories)
    heads = [f"{worst[name]} with {name}" for name in ("errors", "warnings only", "nothing")]
    lines = [f"{len(repositories)} repositories: {', '.join(heads)}"]
    for is_error, word in ((True, "error"), (False, "warning")):
        per_code: Counter[str] = Counter()
        of_repositories: Counter[str] = Counter()
        for repository in repositories:
            codes = [each.code for each in repository.statements if each.is_error is is_error]
            per_code.update(codes)
            of_repositories.update(set(codes))
        lines += [
            f"{word:8} {code:24} {number:4} in {of_repositories[code]:3} repositories"
            for code, number in sorted(per_code.items())
        ]
    return "\n".join(lines)


def _worst(repository: Judged) -> str:
    if repository.errors:
        return "errors"
    return "warnings only" if repository.statements else "nothing"
