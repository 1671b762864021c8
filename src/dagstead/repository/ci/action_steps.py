"""Steps that call an action: what the official action's parts do with their inputs."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from dagstead.repository.ci.acts import ALL, SOME, ActKind, BuildMethod, Selection
from dagstead.repository.ci.expressions import UnknownValue
from dagstead.repository.ci.model import Event, Step
from dagstead.repository.ci.references import Reference
from dagstead.repository.ci.scopes import EveryLocation, Scope

#: Actions that find out what has changed.
COMPARING = re.compile(
    r"(?:dorny/paths-filter|tj-actions/changed-files|step-security/changed-files"
    r"|trilom/file-changes-action|jitterbit/get-changed-files|.*/changed-files|.*/paths-filter)"
)
_PUSHING = "docker/build-push-action"
_PUSHES = re.compile(r"push=true|type=registry")

DEFAULT_FILE = "dagster_cloud.yaml"


@dataclass(frozen=True, kw_only=True, slots=True)
class ActionAct:
    """What an action does; the file is a path as the step names it."""

    does: ActKind
    by: str
    chosen: Selection = ALL
    strategy: BuildMethod | None = None
    file: str | None = None
    #: Whether the file is already relative to the repository.
    is_resolved: bool = False
    #: Of a pushed image its names without tags; ``None`` where one is not known.
    images: tuple[str, ...] | None = None


#: Makes the act of a part from its inputs and what is known.
_Make = Callable[[str, Step, Scope], ActionAct]


def action_act(found: Reference, step: Step, scope: Scope) -> ActionAct | None:
    """What an action does; ``None`` for one that has nothing to do with locations."""
    if found.is_official:
        make = _PARTS.get(found.part.removeprefix("actions/"))
        return None if make is None else make(found.part.rpartition("/")[2], step, scope)
    if COMPARING.fullmatch(found.name):
        return ActionAct(does=ActKind.COMPARE, by=found.name)
    if found.name == _PUSHING and _pushes(step, scope):
        return ActionAct(does=ActKind.PUSH, by=found.name, images=_images(step, scope))
    if found.name.startswith("dagster-io/dagster-cloud-cicd-action"):
        return ActionAct(does=ActKind.OPAQUE, by=found.name)
    return None


def file_of(project_dir: str | None, file: str | None) -> str | None:
    """The configuration file that a session names; ``None`` where it is not known."""
    if project_dir is None or file is None:
        return None
    return file if file.startswith("/") else f"{project_dir}/{file}"


def _pushes(step: Step, scope: Scope) -> bool:
    pushed = scope.text(step.input("push"))
    outputs = step.input("outputs")
    return pushed == "true" or bool(outputs and _PUSHES.search(outputs.text or ""))


def _images(step: Step, scope: Scope) -> tuple[str, ...] | None:
    """The names of a step's tags. A tag itself is hardly ever known beforehand."""
    node = step.input("tags")
    if node is None or not node.text:
        return None
    names = [scope.fill(image_name(each)) for each in re.split(r"[\n,]", node.text) if each.strip()]
    return None if None in names else tuple(str(each) for each in names)


def image_name(reference: str) -> str:
    """An image without its tag; a colon in an expression, or before a port, begins none."""
    text = reference.strip()
    hidden = re.sub(r"\$\{\{.*?\}\}", lambda found: "x" * len(found[0]), text)
    at = hidden.rfind(":")
    return text if at < 0 or "/" in hidden[at:] else text[:at]


def _prerun(by: str, _step: Step, scope: Scope) -> ActionAct:
    does = ActKind.CLOSE if scope.event is Event.CLOSE else ActKind.NOTIFY
    return ActionAct(does=does, by=by)


def _ci_init(by: str, step: Step, scope: Scope) -> ActionAct:
    project_dir = scope.shell_text(step.input("project_dir"))
    path = step.input("dagster_cloud_yaml_path")
    file = DEFAULT_FILE if path is None else scope.shell_text(path)
    return ActionAct(
        does=ActKind.BEGIN,
        by=by,
        chosen=_listed(step, scope),
        file=file_of(project_dir, file),
    )


def _dg_init(by: str, step: Step, scope: Scope) -> ActionAct:
    folder = scope.shell_text(step.input("project_dir"))
    return ActionAct(does=ActKind.BEGIN, by=by, chosen=_listed(step, scope), file=folder)


def _listed(step: Step, scope: Scope) -> Selection:
    node = step.input("location_names")
    if node is None or node.is_null or node.value == "":
        return ALL
    text = scope.shell_text(node)
    try:
        names = json.loads(text or "")
    except json.JSONDecodeError:
        return SOME
    if not isinstance(names, list):
        return SOME
    return Selection(names=tuple(str(each) for each in names)) if names else ALL


def _parse(by: str, step: Step, scope: Scope) -> ActionAct:
    file = scope.shell_text(step.input("dagster_cloud_file"))
    return ActionAct(does=ActKind.READ, by=by, file=file)


def _executable(by: str, step: Step, scope: Scope) -> ActionAct:
    deploys = scope.text(step.input("deploy")) != "false"
    return ActionAct(
        does=ActKind.BUILD_AND_DEPLOY if deploys else ActKind.BUILD,
        by=by,
        strategy=BuildMethod.PEX,
        file=scope.shell_text(step.input("dagster_cloud_file")),
    )


def _image(strategy: BuildMethod) -> _Make:
    def make(by: str, step: Step, scope: Scope) -> ActionAct:
        chosen, file, resolved = _location(scope.value(step.input("location")))
        return ActionAct(
            does=ActKind.BUILD_AND_DEPLOY,
            by=by,
            chosen=chosen,
            strategy=strategy,
            file=file,
            is_resolved=resolved,
        )

    return make


def _deploy(by: str, step: Step, scope: Scope) -> ActionAct:
    chosen, file, resolved = _location(scope.value(step.input("location")))
    return ActionAct(
        does=ActKind.DEPLOY_EXISTING, by=by, chosen=chosen, file=file, is_resolved=resolved
    )


def _location(value: Any) -> tuple[Selection, str | None, bool]:
    """The locations of an input that is an entry of ``build_info``, or JSON like one."""
    if isinstance(value, EveryLocation):
        return ALL, value.file, True
    if isinstance(value, UnknownValue):
        return SOME, None, False
    found = value
    if isinstance(value, str):
        try:
            found = json.loads(value)
        except json.JSONDecodeError:
            return SOME, None, False
    name = found.get("name") if isinstance(found, dict) else None
    if not isinstance(name, str):
        return SOME, None, False
    file = found.get("location_file")
    return Selection(names=(name,)), file if isinstance(file, str) else None, False


def _other_act(by: str, _step: Step, _scope: Scope) -> ActionAct:
    return ActionAct(does=ActKind.NOTIFY, by=by)


def _opened(by: str, _step: Step, _scope: Scope) -> ActionAct:
    return ActionAct(does=ActKind.OPEN, by=by)


_PARTS: Mapping[str, _Make] = {
    "build_deploy_python_executable": _executable,
    "hybrid_branch_deploy": _image(BuildMethod.IMAGE),
    "hybrid_prod_deploy": _image(BuildMethod.IMAGE),
    "serverless_branch_deploy": _image(BuildMethod.SERVERLESS_IMAGE),
    "serverless_prod_deploy": _image(BuildMethod.SERVERLESS_IMAGE),
    "utils/ci-init": _ci_init,
    "utils/deploy": _deploy,
    "utils/dg-deploy-init": _dg_init,
    "utils/get_branch_deployment": _opened,
    "utils/launch_job": _other_act,
    "utils/notify": _other_act,
    "utils/parse_workspace": _parse,
    "utils/prerun": _prerun,
    "utils/run": _other_act,
}


def outputs_of(found: Reference, scope: Scope, file: str | None) -> Iterator[tuple[str, Any]]:
    """The outputs of an official action that are known beforehand."""
    part = found.part.rpartition("/")[2]
    if part == "prerun":
        fast = scope.env.get("ENABLE_FAST_DEPLOYS", "")
        if scope.event is Event.CLOSE:
            yield "result", "skip"
        elif scope.event in {Event.PUSH, Event.CHANGE} and fast is not None:
            yield "result", "pex-deploy" if fast == "true" else "docker-deploy"
    if part == "parse_workspace":
        yield "build_info", EveryLocation(file=file)
