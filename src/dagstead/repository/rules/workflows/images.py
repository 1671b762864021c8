"""DW133 and DW134: the images that workflows push, compared with what sessions record."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass

from dagstead.repository.ci.acts import ActKind
from dagstead.repository.ci.image_builds import ImageBuild
from dagstead.repository.ci.image_pushes import PushedImage, normal
from dagstead.repository.ci.inspection import InspectedWorkflow, Inspection
from dagstead.repository.ci.job_runs import JobRun
from dagstead.repository.ci.model import Event, Job
from dagstead.repository.rules.base import Violation, workflow_rule
from dagstead.repository.rules.registries import problem_of_registry
from dagstead.repository.rules.workflows.examples import (
    BEGIN,
    DEPLOY,
    TRAIN,
    WORKFLOW,
    call,
    locations,
    workflow,
)
from dagstead.repository.rules.workflows.visit import deploying_workflows, once, sessions

_RECORD = call("ci set-build-output --location-name {} --image-tag {}")
_FORECAST = TRAIN.replace("name: train", "name: forecast").replace(
    "directory: train", "directory: forecast"
)
_TWO = {**locations(TRAIN, _FORECAST), "forecast/Dockerfile": "FROM python:3.12-slim\n"}
#: Other programs that push images.
_OTHER_PROGRAM = re.compile(
    r"\b(?:crane|skopeo|oras|docker[ -]compose|bake)\b|gcloud builds|az acr"
)
#: Variables that are the same in all jobs of a run.
_OF_THE_RUN = re.compile(r"(?:GITHUB|CI|RUNNER)_\w+|\{(?:github|vars|secrets|inputs)\.[^}]*\}")
_SYMBOL = re.compile(r"\$\{(\{[^}]*\}|[^}]*)\}")
_OTHERWISE = re.compile(r"\b(?:else|elif|case|esac)\b|;;")


def _pushed(name: str) -> str:
    tag = f"registry.example.com/{name}:${{{{ github.sha }}}}"
    return f"uses: docker/build-push-action@v6\nwith:\n  push: true\n  tags: {tag}"


def _built(folder: str, tag: str) -> str:
    image = f"registry.example.com/train:{tag}"
    return f"run: docker build --tag {image} {folder} && docker push {image}"


def _steps(*tags: str) -> str:
    steps = []
    for name, tag in zip(("train", "forecast"), tags, strict=True):
        steps += [_built(name, tag), _RECORD.format(name, tag)]
    return workflow(BEGIN, *steps, DEPLOY)


@workflow_rule(
    "DW133",
    "image-pushed-elsewhere",
    reason="""
        `ci set-build-output` makes the name of the image from `build.registry` and the tag that it
        is given. When no step pushes an image of that name, the agent finds none, and the location
        does not load.
        """,
    bad={
        **locations(TRAIN),
        WORKFLOW: workflow(BEGIN, _pushed("other"), _RECORD.format("train", "$GITHUB_SHA"), DEPLOY),
    },
    good={
        **locations(TRAIN),
        WORKFLOW: workflow(BEGIN, _pushed("train"), _RECORD.format("train", "$GITHUB_SHA"), DEPLOY),
    },
)
def image_pushed_elsewhere(inspection: Inspection) -> Iterator[Violation]:
    """The image that a session records is pushed to the registry that it names."""
    return once(_elsewhere(inspection))


@workflow_rule(
    "DW134",
    "two-images-one-tag",
    reason="""
        Two images that are built from different folders or Dockerfiles are pushed under one name
        and tag: the second replaces the first, and both locations run the code of one of them.
        Locations that are built from the same folder and Dockerfile may share an image.
        """,
    bad={**_TWO, WORKFLOW: _steps("$GITHUB_SHA", "$GITHUB_SHA")},
    good={**_TWO, WORKFLOW: _steps("train-$GITHUB_SHA", "forecast-$GITHUB_SHA")},
)
def two_images_one_tag(inspection: Inspection) -> Iterator[Violation]:
    """A name and tag is pushed for one image only."""
    return once(_replaced(inspection))


def _elsewhere(inspection: Inspection) -> Iterator[Violation]:
    known: dict[tuple[str, Event], set[str]] = {}
    for inspected, session in sessions(inspection):
        key = (inspected.workflow.path, session.run.event)
        if key not in known:
            known[key] = _names(inspected, session.run.event)
        pushed = known[key]
        for location in session.universe if pushed else ():
            registry = None if location.registry is None else location.registry.value
            # What is no address is reported where it is written.
            if not registry or problem_of_registry(registry) or _name(registry) in pushed:
                continue
            for act in session.acts_on(location, [ActKind.RECORD]):
                yield Violation(
                    position=act.position,
                    message=f"the image of {location.name.value!r} is to be in {registry!r}, "
                    f"and images are pushed to {', '.join(map(repr, sorted(pushed)))}",
                    instead="Push it to build.registry, or write there where it is pushed",
                )


def _names(inspected: InspectedWorkflow, event: Event) -> set[str]:
    """The names of the images that a workflow pushes; none where one is not known."""
    runs = [each for each in inspected.runs if each.event is event]
    names = {each.name for run in runs for each in run.pushed}
    unseen = any(act.does is ActKind.PUSH and not run.pushed for run in runs for act in run.acts)
    if unseen or any("$" in each for each in names) or any(map(_pushes_otherwise, runs)):
        return set()
    return names


def _name(reference: str) -> str:
    return normal(reference).rpartition(":")[0]


def _pushes_otherwise(run: JobRun) -> bool:
    scripts = (each.run.text or "" for each in run.job.steps if each.run is not None)
    return run.is_opaque or any(_OTHER_PROGRAM.search(each) for each in scripts)


@dataclass(frozen=True, slots=True)
class _Made:
    """A push whose image is known."""

    run: JobRun
    pushed: PushedImage
    built: ImageBuild


def _replaced(inspection: Inspection) -> Iterator[Violation]:
    for inspected in deploying_workflows(inspection):
        found: dict[tuple[Event, str], list[_Made]] = defaultdict(list)
        for run in inspected.runs:
            for each in _known(run):
                for other in found[run.event, each.pushed.reference]:
                    if _is_replaced(other, each):
                        yield _violation(other, each)
                found[run.event, each.pushed.reference].append(each)


def _known(run: JobRun) -> Iterator[_Made]:
    for each in run.pushed:
        built = each.built
        if built is None or built.context is None or built.dockerfile is None:
            continue
        names = _SYMBOL.findall(each.reference)
        if not any(_is_set_again(name, run.job) for name in names) and "$(" not in each.reference:
            yield _Made(run, each, built)


def _is_set_again(name: str, job: Job) -> bool:
    """Whether a variable may have another value at the next push of its job."""
    plain = re.escape(name.strip("{}").rpartition(".")[2])
    scripts = "\n".join(each.run.text or "" for each in job.steps if each.run is not None)
    is_loop = re.search(rf"\b(?:for|read|select)\s+(?:-\w\s+)*{plain}\b", scripts)
    return bool(is_loop) or len(re.findall(rf"\b{plain}=", scripts)) > 1


def _is_replaced(first: _Made, second: _Made) -> bool:
    if first.built == second.built:
        return False
    if first.run is second.run:
        return _may_follow(first, second)
    names = _SYMBOL.findall(first.pushed.reference)
    same_job = first.run.job is second.run.job
    # The entries of a matrix run together; of other jobs one may run instead of another.
    both = same_job or (first.run.certain and second.run.certain and _are_alike(first, second))
    return both and all(_OF_THE_RUN.fullmatch(each) for each in names)


def _may_follow(first: _Made, second: _Made) -> bool:
    one, two = first.pushed, second.pushed
    if not (one.certain or two.certain) and one.condition != two.condition:
        return False
    if one.position.file != two.position.file:
        return True
    lines = first.run.workflow.source.text.splitlines()
    between = "\n".join(lines[one.position.line - 1 : two.position.line])
    return _OTHERWISE.search(between) is None


def _are_alike(first: _Made, second: _Made) -> bool:
    """Whether two jobs of a pipeline run for the same."""
    return _rules(first.run.job) == _rules(second.run.job)


def _rules(job: Job) -> list[object]:
    nodes = [job.node.get(key) for key in ("rules", "only", "except")]
    return [None if each is None else each.plain() for each in nodes]


def _violation(first: _Made, second: _Made) -> Violation:
    return Violation(
        position=second.pushed.position,
        message=f"the image of {_shown(second.built)} replaces that of {_shown(first.built)}, "
        f"pushed in line {first.pushed.position.line} under the same name and tag, "
        f"{second.pushed.reference}",
        instead="Put the name of the location into the tag, here and where it is recorded",
    )


def _shown(built: ImageBuild) -> str:
    folder = "the repository" if built.context == "." else built.context
    return f"{folder} ({', '.join([str(built.dockerfile), *built.choices])})"
