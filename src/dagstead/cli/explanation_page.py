"""The page of ``dagstead explain``: plain lines for people and pipes, JSON for programs."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import typer

from dagstead.cli.output import is_coloured
from dagstead.model.queues import describe_queue
from dagstead.repository.files.places import shown
from dagstead.routing.wording import describe_answer, describe_doubt, describe_refusal

if TYPE_CHECKING:
    from dagstead.build.model import PlannedBuild
    from dagstead.check.explanation import Explanation
    from dagstead.model.source import Position
    from dagstead.repository.ci.inspection import Use

#: The title of a section, and its lines: a label, which may be empty, and a text.
Section = tuple[str, Sequence[tuple[str, str]]]

_INDENT = "  "


def as_text(explanation: Explanation, *, prefix: str = "") -> str:
    """Sections with a title, and in them aligned labels and texts."""
    coloured = is_coloured(sys.stdout)
    lines = []
    for title, rows in _sections(explanation, prefix):
        lines.append(typer.style(title, bold=True) if coloured else title)
        width = max((len(word) for word, _ in rows), default=0)
        lines += [f"{_INDENT}{word:{width}}  {text}".rstrip() for word, text in rows]
        lines.append("")
    return "\n".join(lines).rstrip("\n")


def as_json(explanation: Explanation, *, prefix: str = "") -> str:
    """An object whose keys will not change; the default queue is ``null``."""
    from dagstead.routing.reports import as_mapping

    location = explanation.location
    outlook = explanation.outlook
    document = {
        "location": location.name.value,
        "file": prefix + location.position.file,
        "line": location.position.line,
        "also_defined": [f"{prefix}{each}" for each in explanation.others],
        "kind": str(location.kind),
        "kind_reason": location.classification.reason,
        "code_source": None
        if location.code_source is None
        else {location.code_source.by: location.code_source.target.value},
        "build": None if explanation.build is None else dict(_build_rows(explanation.build)),
        "build_problem": explanation.problem,
        "queue": location.queue_name,
        "routes": [as_mapping(each, prefix=prefix) for each in outlook.routes],
        "workflows": [_use(each) for each in explanation.uses],
        "made_from": [
            {
                "path": each.path,
                "chain": [
                    {"file": step.file, "line": step.line, "what": step.what} for step in each.chain
                ],
            }
            for each in explanation.made_from
        ],
        "findings": [*_findings(explanation, prefix)],
    }
    return json.dumps(document, indent=2, ensure_ascii=False)


def _sections(explanation: Explanation, prefix: str) -> Iterator[Section]:
    yield explanation.location.name.value, list(_facts(explanation, prefix))
    if explanation.build is None:
        yield "How it is built", [("", f"it cannot be built: {explanation.problem}")]
    else:
        yield "How it is built", list(_build_rows(explanation.build))
    yield "Who runs it", list(_routes(explanation))
    yield "What builds and deploys it", list(_uses(explanation.uses))
    yield "What it is made from", list(_made_from(explanation))
    rows = [
        (each["severity"], " ".join(filter(None, (each["place"], each["code"], each["text"]))))
        for each in _findings(explanation, prefix)
    ]
    yield "What is wrong", rows or [("", "nothing is known to be wrong")]


def _facts(explanation: Explanation, prefix: str) -> Iterator[tuple[str, str]]:
    location = explanation.location
    result = location.classification
    yield "defined", shown(prefix, location.position)
    for each in explanation.others:
        yield "and", f"{shown(prefix, each)}, which a deploy from here does not take"
    yield "kind", f"{location.kind}: {result.reason} ({shown(prefix, result.position)})"
    if result.settle:
        yield "", f"{result.settle}."
    source = location.code_source
    if source is None:
        yield "code", "nothing says where its definitions are"
    else:
        yield "code", f"{source.by} {source.target.value} ({shown(prefix, source.position)})"
    queue = location.queue
    name = describe_queue(location.queue_name) or "''"
    where = "" if queue is None else f" ({queue.origin}, {shown(prefix, queue.position)})"
    yield "queue", name + where.replace("(own, ", "(")


def _build_rows(build: PlannedBuild) -> Iterator[tuple[str, str]]:
    from dagstead.build.model import DockerPlan, PexPlan, PrebuiltPlan

    yield "strategy", str(build.strategy)
    yield "why", build.reason
    match build.how:
        case PexPlan() as how:
            yield "folder", build.folder
            yield "python", f"{how.python_version}: {how.python_reason}"
        case DockerPlan() as how:
            yield "folder", build.folder
            dockerfile = "one is generated (`dagstead plan --show-dockerfile` prints it)"
            if how.dockerfile is not None:
                dockerfile = os.path.relpath(how.dockerfile)
            yield "dockerfile", dockerfile
            yield "registry", how.repository or "the control plane's"
            yield "image", how.reference
        case PrebuiltPlan() as how:
            yield "image", how.image or "none: it runs from an executable_path"


def _routes(explanation: Explanation) -> Iterator[tuple[str, str]]:
    for route in explanation.outlook.routes:
        yield str(route.target), describe_answer(route)
        for agent in route.possible:
            yield "", f"perhaps {agent.name}: {describe_doubt(agent)}"
        for refusal in route.refusals:
            yield "", f"not {refusal.agent.name}: {describe_refusal(refusal, route)}"


def _uses(uses: Sequence[Use]) -> Iterator[tuple[str, str]]:
    if not uses:
        yield "", "no workflow of this repository, as far as can be seen without running them"
    for use in uses:
        yield use.workflow, "" if use.certain else "perhaps: only a run of the workflow can show it"
        for each in use.triggers:
            yield "", f"on {each}"
        known = {place for places in use.ways.values() for place in places}
        plain = [each for each in use.builds if each not in known]
        steps: list[tuple[str, Sequence[Position]]] = [
            (f"builds it ({way})", places) for way, places in use.ways.items()
        ]
        for what, places in (*steps, ("builds it", plain), ("deploys it", use.deploys)):
            if places:
                yield "", f"{what} at {_lines(places, use.workflow)}"


def _lines(places: Sequence[Position], workflow: str) -> str:
    """Places; those in the workflow itself only by their lines."""
    own = [f"line {each.line}" for each in places if each.file == workflow]
    return ", ".join([*own, *(f"{e.file}:{e.line}" for e in places if e.file != workflow)])


def _made_from(explanation: Explanation) -> Iterator[tuple[str, str]]:
    for each in explanation.made_from:
        steps = each.chain[:-1] if len(each.chain) > 1 else each.chain
        yield each.path, "<- " + " <- ".join(str(step) for step in steps)


def _findings(explanation: Explanation, prefix: str) -> Iterator[dict[str, Any]]:
    for each in explanation.findings:
        yield {
            "severity": str(each.severity),
            "name": each.code,
            "code": each.code,
            "place": shown(prefix, each.position),
            "text": each.found.sentences,
        }
    reported = {each.code for each in explanation.findings}
    for remark in explanation.outlook.remarks:
        if remark.code in reported:
            continue
        yield {
            "severity": str(remark.weight),
            "name": remark.name,
            "code": remark.code,
            "place": "" if remark.position is None else shown(prefix, remark.position),
            "text": remark.sentences,
        }


def _use(use: Use) -> dict[str, Any]:
    return {
        "workflow": use.workflow,
        "name": use.name,
        "certain": use.certain,
        "triggers": list(use.triggers),
        "builds": [f"{each.file}:{each.line}" for each in use.builds],
        "ways": {
            str(way): [f"{each.file}:{each.line}" for each in places]
            for way, places in use.ways.items()
        },
        "deploys": [f"{each.file}:{each.line}" for each in use.deploys],
    }
