"""DW17x: what gives tokens or the machine away."""

from __future__ import annotations

import re
from collections.abc import Iterator

from dagstead.model.nodes import Entry, Node
from dagstead.repository.ci.inspection import Inspection
from dagstead.repository.ci.model import Job, Step, Workflow
from dagstead.repository.ci.positions import place
from dagstead.repository.ci.provider import Provider
from dagstead.repository.rules.base import Severity, Violation, workflow_rule
from dagstead.repository.rules.workflows.examples import (
    BEGIN,
    BUILD,
    DEPLOY,
    ETL,
    SERVERLESS,
    WORKFLOW,
    locations,
    workflow,
)
from dagstead.repository.rules.workflows.visit import concerned

_GOOD = {**locations(ETL), WORKFLOW: workflow(*SERVERLESS)}
_SECRET = re.compile(
    r"(?:.*[_-])?(?:api[_-]?(?:token|key)|agent[_-]?token|access[_-]?token|auth[_-]?token"
    r"|password|passwd|secret[_-]?access[_-]?key|secret[_-]?key|private[_-]?key|client[_-]?secret)",
    re.IGNORECASE,
)
_NO_SECRET = re.compile(
    r"\$|^(?:true|false|yes|no|null|none|changeme|x+|\*+|<.*>|\[.*\])$", re.IGNORECASE
)
#: What a test gives a database or service that lives as long as the test.
_OF_TESTS = re.compile(
    r"(?:.*[^a-z])?(?:test\w*|dummy|fake|example|sample|mock|placeholder|localhost|postgres)"
    r"(?:[^a-z].*)?",
    re.IGNORECASE,
)
_PASSWORD = re.compile(r".*(?:password|passwd|pwd)", re.IGNORECASE)
#: A token of Dagster+.
_TOKEN = re.compile(r"\b(?:user|agent):[\w-]+:[0-9a-f]{16,}")
_SHORTEST = 8
_IN_SCRIPT = re.compile(r"--(?:api-token|password|user-token)[ =]+(?P<value>[\"']?[\w:.+/-]{8,})")
#: What somebody who opens a pull request or an issue chooses.
_FOREIGN = re.compile(
    r"\$\{\{[^}]*?\b(?P<what>github\.head_ref|github\.event\.(?!repository\.)(?:[\w.*\[\]'-]*\.)?"
    r"(?:title|body|message|name|email|ref|label|default_branch|page_name|head_ref|description))\b"
    r"[^}]*\}\}"
)
_PASTED = re.compile(r".*/actions/utils/(?:dagster-cloud-cli|dg-cli)@.*")


@workflow_rule(
    "DW170",
    "secret-in-plain-text",
    reason="""
        Whoever can read the repository, now or later, has it: it stays in the history. A token
        that was written here must be revoked, and its successor kept as a secret of CI.
        """,
    bad={
        **locations(ETL),
        WORKFLOW: workflow(
            *SERVERLESS, head="env:\n  DAGSTER_CLOUD_API_TOKEN: user:ours:0123456\n"
        ),
    },
    good={
        **locations(ETL),
        WORKFLOW: workflow(
            *SERVERLESS,
            head="env:\n  DAGSTER_CLOUD_API_TOKEN: ${{ secrets.DAGSTER_CLOUD_API_TOKEN }}\n",
        ),
    },
)
def secret_in_plain_text(inspection: Inspection) -> Iterator[Violation]:
    """A token or password is kept as a secret of CI."""
    busy = _busy_jobs(inspection)
    for each in concerned(inspection):
        for entry, job in _settings(each):
            name = str(entry.key.value)
            if _is_written(name, entry.value) and not _is_of_a_test(name, job, busy):
                yield Violation(
                    position=entry.value.position,
                    message=f"the value of {name} is written here for everybody to read",
                    instead="Revoke it, keep a new one as a secret of CI, "
                    f"and write {_reference(each, name)}",
                )
        for node in _scripts(each):
            for found in _IN_SCRIPT.finditer(node.text or ""):
                yield Violation(
                    position=place(node, found.start("value"), found.end("value")),
                    message="a token or password is written here for everybody to read",
                    instead="Revoke it, keep a new one as a secret of CI, and take it from env",
                )


@workflow_rule(
    "DW171",
    "foreign-text-in-script",
    severity=Severity.WARNING,
    reason="""
        CI pastes an expression into the script before the shell reads it. The name of a branch, a
        title or a message is chosen by others, and `$(...)` in it is run with your token.
        """,
    bad={
        **locations(ETL),
        WORKFLOW: workflow(
            "run: echo ${{ github.event.pull_request.title }}", BEGIN, BUILD, DEPLOY
        ),
    },
    good={
        **locations(ETL),
        WORKFLOW: workflow(
            'env:\n  TITLE: ${{ github.event.pull_request.title }}\nrun: echo "$TITLE"',
            BEGIN,
            BUILD,
            DEPLOY,
        ),
    },
)
def foreign_text_in_script(inspection: Inspection) -> Iterator[Violation]:
    """What others have written is given to a script in a variable."""
    for each in concerned(inspection):
        for node in _scripts(each):
            yield from _foreign(node)
    for action in inspection.files.actions.values():
        for step in action.steps:
            for node in _scripts_of(step):
                yield from _foreign(node)


def _foreign(node: Node) -> Iterator[Violation]:
    for found in _FOREIGN.finditer(node.text or ""):
        yield Violation(
            position=place(node, found.start(), found.end()),
            message=f"{found['what']} is pasted into a script, and others choose it",
            instead='Set it in env of the step, and write "$NAME" here',
        )


def _settings(each: Workflow) -> Iterator[tuple[Entry, Job | None]]:
    """Variables and inputs, with the job that they are for, ``None`` for those of every job."""
    holders: list[tuple[Node | None, Job | None]] = [(each.env, None)]
    for job in each.jobs:
        holders += [(job.env, job), (job.inputs, job)]
        holders += [(node, job) for step in job.steps for node in (step.env, step.inputs)]
    for holder, owner in holders:
        yield from () if holder is None else ((entry, owner) for entry in holder.entries)


def _busy_jobs(inspection: Inspection) -> frozenset[int]:
    """The jobs that do something about Dagster or an image."""
    runs = (run for each in inspection.workflows for run in each.runs)
    return frozenset(id(run.job) for run in runs if run.acts)


def _is_of_a_test(name: str, job: Job | None, busy: frozenset[int]) -> bool:
    """Whether it is the password of a service that a job starts for its own tests."""
    if job is None or not _PASSWORD.fullmatch(name):
        return False
    return id(job) not in busy or job.node.get("services") is not None


def _scripts(each: Workflow) -> Iterator[Node]:
    for job in each.jobs:
        for step in job.steps:
            yield from _scripts_of(step)


def _scripts_of(step: Step) -> Iterator[Node]:
    if step.run is not None:
        yield step.run
    command = step.input("command")
    is_pasted = step.uses is not None and _PASTED.fullmatch(step.uses.text or "")
    if command is not None and is_pasted:
        yield command


def _is_written(name: str, node: Node) -> bool:
    """Whether a value is a secret that is written out, and no word as a test's database has it."""
    text = node.text or ""
    if _TOKEN.search(text):
        return True
    if _OF_TESTS.fullmatch(text):
        return False
    is_random = len(text) >= _SHORTEST and re.search("[^a-z]", text) is not None
    return bool(_SECRET.fullmatch(name) and is_random and not _NO_SECRET.search(text))


def _reference(each: Workflow, name: str) -> str:
    secret = name.upper().replace("-", "_")
    if each.provider is Provider.GITLAB:
        return f"${secret}"
    return f"${{{{ secrets.{secret} }}}}"
