"""From a deployed document to locations: the form of ``dagster_cloud.yaml``, checked in one place.

The form is that of ``dagster_cloud_cli.config.models``, plus what the CLI adds when it deploys
(``dagster_cloud_cli.config_utils.get_location_document``): ``git``, ``pex_metadata``,
``pex_bundle`` and ``defs_state_info``.
"""

from __future__ import annotations

import re
import uuid
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from dagster_cloud_cli.config import DagsterCloudConfigDefaultsMerger
from dagster_cloud_cli.config import models as official
from dagster_cloud_cli.core.workspace import CodeLocationDeployData, GitMetadata, PexMetadata
from dagster_shared.serdes import serialize_value
from dagster_shared.serdes.objects.models import DefsStateInfo
from dagster_shared.utils import remove_none_recursively
from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from dagstead.errors import InvalidDocumentError, InvalidInputError
from dagstead.model.cloud_keys import (
    ADDED_KEYS,
    BUILD_KEYS,
    CODE_SOURCES,
    LOCATION_KEYS,
    TOP_LEVEL_KEYS,
)
from dagstead.model.words import did_you_mean, kind_name
from dagstead.operator_api.environment import environment_of
from dagstead.plane.deployments import Deployment
from dagstead.plane.locations import NewLocation
from dagstead.plane.names import check_location_name, check_queue_name
from dagstead.plane.texts import require_small

#: ``util.build_pex_tag`` makes such tags; the file names become keys of the blob store.
_PEX_TAG = re.compile(r"files=[A-Za-z0-9_][\w.+-]*\.pex(:[A-Za-z0-9_][\w.+-]*\.pex)*")


#: The known keys, by part, for guesses at mistyped ones.
_KNOWN = {"": (*LOCATION_KEYS, *ADDED_KEYS), "build": BUILD_KEYS}


class _Git(BaseModel, extra="forbid"):
    commit_hash: str | None = None
    url: str | None = None
    repo_owner: str | None = None
    repo_name: str | None = None
    base_branch: str | None = None
    defs_base_path: str | None = None
    provider: str | None = None


class _Pex(BaseModel, extra="forbid"):
    pex_tag: str
    python_version: str | None = None


class _Location(official.Location, extra="forbid"):
    git: _Git | None = None
    pex_metadata: _Pex | None = None
    #: Whether the image was baked from PEX files; the image itself is an ordinary one.
    pex_bundle: bool | None = None
    defs_state_info: DefsStateInfo | None = None


#: A location, with the defaults in it; the largest that anybody was seen to deploy have a tenth.
_MOST_OF_ONE = 256 * 1024
#: All locations of one deploy.
_MOST_TOGETHER = 4096 * 1024


@dataclass(frozen=True, kw_only=True, slots=True)
class DeployTarget:
    """Where a document is deployed, and how its deploys are named."""

    deployment: Deployment
    #: Makes a new unique name for one location's deploy.
    new_deploy_id: Callable[[], str] = lambda: uuid.uuid4().hex


def read_locations(document: object, target: DeployTarget) -> list[NewLocation]:
    """The locations of a whole document, ``{"locations": [...]}`` with optional ``defaults``.

    The CLI merges ``defaults`` only in ``ci template``; ``workspace sync`` sends them as they are.

    Raises:
        InvalidDocumentError: with one sentence per mistake.
    """
    if not isinstance(document, Mapping):
        raise InvalidDocumentError([f"The document is {_kind(document)}, not a mapping."])
    errors = [
        f"Unknown key {key!r}.{did_you_mean(str(key), TOP_LEVEL_KEYS)}"
        for key in document
        if key not in TOP_LEVEL_KEYS
    ]
    listed = document.get("locations")
    if not isinstance(listed, Sequence) or isinstance(listed, str):
        errors.append(f"'locations' is {_kind(listed)}. It must be a list of code locations.")
        raise InvalidDocumentError(errors)
    defaults, wrong_defaults = _read_defaults(document.get("defaults"))
    _require_small("The defaults of the document", defaults)
    errors += wrong_defaults + _duplicates(listed)
    found: list[NewLocation] = []
    left = _MOST_TOGETHER
    for position, location in enumerate(listed, start=1):
        merged = _merge(defaults, location)
        left -= _require_small(f"Location {position}", merged)
        if left < 0:
            msg = (
                f"The locations, with the defaults in each, have more than "
                f"{_MOST_TOGETHER // 1024} KiB. Deploy some of them at one time."
            )
            raise InvalidDocumentError([msg])
        try:
            found.append(_read(merged, target, position))
        except InvalidDocumentError as error:
            errors += error.errors
    if errors:
        raise InvalidDocumentError(errors)
    return found


def read_location(document: object, target: DeployTarget) -> NewLocation:
    """One location, as ``workspace add-location`` sends it.

    Raises:
        InvalidDocumentError: with one sentence per mistake.
    """
    _require_small("The location", document)
    return _read(document, target, 1)


def _require_small(what: str, document: object) -> int:
    """Refuse what would take long to be compared key by key, and to be read again and again.

    Returns:
        Its size in bytes.
    """
    try:
        return require_small(what, document, _MOST_OF_ONE)
    except InvalidInputError as error:
        raise InvalidDocumentError([error.message]) from error


def _read(document: object, target: DeployTarget, position: int) -> NewLocation:
    if not isinstance(document, Mapping):
        msg = f"Location {position} is {_kind(document)}, not a mapping."
        raise InvalidDocumentError([msg])
    # The CLI sends null for what is not set.
    given: dict[str, Any] = remove_none_recursively(dict(document))
    errors: list[str] = []
    _collect(errors, lambda: check_location_name(given.get("location_name")))
    _collect(errors, lambda: check_queue_name(given.get("agent_queue")))
    errors += _source_errors(given.get("code_source")) + _pex_errors(given.get("pex_metadata"))
    parsed, wrong = _parse(given)
    errors += wrong
    if parsed is None or errors:
        name = given.get("location_name")
        label = f"Location {name!r}" if isinstance(name, str) else f"Location {position}"
        raise InvalidDocumentError([f"{label}: {problem}" for problem in errors])
    deploy_id = target.new_deploy_id()
    return NewLocation(
        name=parsed.location_name,
        document=given,
        deploy_data=serialize_value(_deploy_data(parsed, target.deployment, deploy_id)),
        deploy_id=deploy_id,
        queue=check_queue_name(parsed.agent_queue),
    )


def _parse(given: Mapping[str, Any]) -> tuple[_Location | None, list[str]]:
    # The official validator of code_source raises AttributeError for anything but a mapping, so
    # that one is judged by _source_errors and left out here when it is wrong.
    wrong_source = _source_errors(given.get("code_source"))
    judged = {k: v for k, v in given.items() if k != "code_source" or not wrong_source}
    try:
        return _Location.model_validate(judged), []
    except ValidationError as error:
        elsewhere = {"location_name", "agent_queue", "code_source"}
        return None, [
            _sentence(problem) for problem in error.errors() if problem["loc"][0] not in elsewhere
        ]


def _deploy_data(
    location: _Location, deployment: Deployment, deploy_id: str
) -> CodeLocationDeployData:
    source = location.code_source or official.CodeSource()
    git = location.git
    pex = location.pex_metadata
    return CodeLocationDeployData(
        image=location.image,
        python_file=source.python_file,
        package_name=source.package_name,
        module_name=source.module_name,
        autoload_defs_module_name=source.autoload_defs_module_name,
        working_directory=location.working_directory,
        executable_path=location.executable_path,
        attribute=location.attribute,
        git_metadata=GitMetadata(**git.model_dump()) if git and git.model_fields_set else None,
        container_context=location.container_context,
        cloud_context_env=environment_of(
            deployment,
            location=location.location_name,
            deploy_id=deploy_id,
            commit_hash=git.commit_hash if git else None,
            git_url=git.url if git else None,
        ),
        pex_metadata=PexMetadata(pex.pex_tag, pex.python_version) if pex else None,
        agent_queue=check_queue_name(location.agent_queue),
        defs_state_info=location.defs_state_info,
    )


def _read_defaults(defaults: object) -> tuple[Mapping[str, Any], list[str]]:
    if defaults is None:
        return {}, []
    try:
        official.LocationDefaults.model_validate(defaults)
    except ValidationError as error:
        return {}, [f"defaults: {_sentence(problem)}" for problem in error.errors()]
    given: dict[str, Any] = remove_none_recursively(dict(_mapping(defaults)))
    return given, []


def _merge(defaults: Mapping[str, Any], location: object) -> object:
    if not defaults or not isinstance(location, Mapping):
        return location
    merger: Any = DagsterCloudConfigDefaultsMerger  # untyped upstream
    return merger().merge(dict(defaults), remove_none_recursively(dict(location)))


def _duplicates(listed: Sequence[object]) -> list[str]:
    names = Counter(
        str(name)
        for location in listed
        if isinstance(location, Mapping) and (name := location.get("location_name"))
    )
    return [
        f"Location {name!r} appears {times} times. Give every location its own name."
        for name, times in names.items()
        if times > 1
    ]


def _source_errors(source: object) -> list[str]:
    which = ", ".join(CODE_SOURCES)
    if source is None:
        return [f"code_source is missing. Name the code with one of: {which}."]
    if not isinstance(source, Mapping):
        return [f"code_source is {_kind(source)}. It must be a mapping with one of: {which}."]
    errors = [
        f"code_source has an unknown key {key!r}.{did_you_mean(str(key), CODE_SOURCES)}"
        for key in source
        if key not in CODE_SOURCES
    ]
    given = [key for key in CODE_SOURCES if source.get(key)]
    if len(given) != 1:
        has = " and ".join(given) if given else "none"
        errors.append(f"code_source must have exactly one of {which}; it has {has}.")
    errors += [
        f"code_source.{key} is {_kind(source[key])}, not text."
        for key in given
        if not isinstance(source[key], str)
    ]
    return errors


def _pex_errors(metadata: object) -> list[str]:
    tag = metadata.get("pex_tag") if isinstance(metadata, Mapping) else None
    if not isinstance(tag, str):
        return []
    if not _PEX_TAG.fullmatch(tag):
        form = "'files=deps-….pex:source-….pex', as `dagster-cloud ci build` makes it"
        return [f"pex_metadata.pex_tag is {tag[:80]!r}. It must name PEX files: {form}."]
    if not any(name.startswith("source-") for name in tag.removeprefix("files=").split(":")):
        return [
            f"pex_metadata.pex_tag {tag[:80]!r} names no 'source-….pex', the file with the code."
        ]
    return []


def _sentence(error: ErrorDetails) -> str:
    path = ".".join(str(part) for part in error["loc"])
    if error["type"] == "extra_forbidden":
        parent, _, key = path.rpartition(".")
        where = f" in {parent}" if parent else ""
        return f"unknown key {key!r}{where}.{did_you_mean(key, _KNOWN.get(parent, ()))}"
    if error["type"] == "missing":
        return f"{path} is missing."
    message = error["msg"].removeprefix("Value error, ")
    return f"{path}: {message}."


def _collect(errors: list[str], check: Callable[[], object]) -> None:
    try:
        check()
    except InvalidInputError as error:
        errors.append(error.message)


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _kind(value: object) -> str:
    # The CLI sends null for what is not set.
    return "missing" if value is None else kind_name(value)
