"""The form of a deployment's settings: as Dagster+ documents it, with a section of ours."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError
from pydantic_core import ErrorDetails

from dagstead.errors import InvalidInputError
from dagstead.model.words import did_you_mean
from dagstead.plane.image_names import check_registry

_Count = Annotated[int, Field(ge=0, strict=True)]
_Seconds = Annotated[float, Field(ge=0)]
#: Dagster's own settings take no fractions.
_WholeSeconds = Annotated[int, Field(ge=0, strict=True)]

#: Settings that other control planes have, and why they would change nothing here.
_NOT_OFFERED = {
    "run_monitoring.poll_interval_seconds": "every run is looked at every two seconds",
    "run_monitoring.max_resume_run_attempts": (
        "a run whose worker died is not resumed; run_retries starts a new run"
    ),
}


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid")


class _PerValue(_Section):
    applyLimitPerUniqueValue: bool  # noqa: N815 - Dagster's spelling


class _TagLimit(_Section):
    key: str
    limit: _Count
    value: str | _PerValue | None = None


class _Runs(_Section):
    max_concurrent_runs: _Count | None = None
    tag_concurrency_limits: list[_TagLimit] | None = None


class _Pools(_Section):
    granularity: Literal["op", "run"] | None = None
    default_limit: _Count | None = None
    op_granularity_run_buffer: _Count | None = None


class _Concurrency(_Section):
    runs: _Runs | None = None
    pools: _Pools | None = None


class _Monitoring(_Section):
    start_timeout_seconds: _WholeSeconds | None = None
    cancel_timeout_seconds: _WholeSeconds | None = None
    max_runtime_seconds: _WholeSeconds | None = None
    free_slots_after_run_end_seconds: _WholeSeconds | None = None


class _Retries(_Section):
    max_retries: _Count | None = None
    retry_on_asset_or_op_failure: bool | None = None


class _NonIsolated(_Section):
    enabled: bool | None = None
    max_concurrent_non_isolated_runs: _Count | None = None


class _AutoMaterialize(_Section):
    use_sensors: bool | None = None
    minimum_interval_seconds: _Seconds | None = None
    run_tags: dict[str, str] | None = None
    respect_materialization_data_versions: bool | None = None
    max_tick_retries: _Count | None = None


class _Releases(_Section):
    """Ours; Dagster+ has no such section."""

    atomic: bool | None = None
    unserved_queue: Literal["refuse", "warn", "wait"] | None = None
    timeout_seconds: _Seconds | None = None


def _registry(folder: str) -> str:
    try:
        return check_registry(folder)
    except InvalidInputError as error:
        raise ValueError(error.message) from error


_Queue = Annotated[str, Field(min_length=1, pattern=r"\S")] | None
_Key = Annotated[str, Field(pattern=r"^[\w*-]+(\.[\w*-]+)*$")]


class _ContainerKeys(_Section):
    allowed: list[_Key] | None = None
    denied: list[_Key] | None = None


class _Bounds(_Section):
    registries: list[Annotated[str, AfterValidator(_registry)]] | None = None
    #: Null among them is the default queue.
    queues: list[_Queue] | None = None
    container_context: _ContainerKeys | None = None


class _DeploymentPolicy(_Bounds):
    """Ours; see :mod:`dagstead.plane.deploy_policy`."""

    location_tokens: _Bounds | None = None


class _OrganizationPolicy(_DeploymentPolicy):
    branch_deployments: _Bounds | None = None


class _Organization(BaseModel):
    """Of the organization's settings only this one means something here."""

    deploy_policy: _OrganizationPolicy | None = None


class _Settings(_Section):
    concurrency: _Concurrency | None = None
    #: The older name of ``concurrency.runs``.
    run_queue: _Runs | None = None
    run_monitoring: _Monitoring | None = None
    run_retries: _Retries | None = None
    non_isolated_runs: _NonIsolated | None = None
    auto_materialize: _AutoMaterialize | None = None
    releases: _Releases | None = None
    deploy_policy: _DeploymentPolicy | None = None
    sso_default_role: str | None = None


def deployment_settings_errors(settings: Mapping[str, Any]) -> list[str]:
    """One sentence for every mistake in a deployment's settings."""
    errors: list[str] = []
    try:
        parsed = _Settings.model_validate(settings)
    except ValidationError as error:
        errors += [_sentence(mistake, _Settings) for mistake in error.errors()]
    else:
        if parsed.run_queue and parsed.concurrency and parsed.concurrency.runs:
            errors.append(
                "run_queue and concurrency.runs are the same setting. Keep only concurrency.runs."
            )
    return errors


def organization_settings_errors(settings: Mapping[str, Any]) -> list[str]:
    """One sentence for every mistake in the organization's settings."""
    try:
        _Organization.model_validate(settings)
    except ValidationError as error:
        return [_sentence(mistake, _Organization) for mistake in error.errors()]
    return []


def _sentence(error: ErrorDetails, form: type[BaseModel]) -> str:
    path = ".".join(str(part) for part in error["loc"])
    if error["type"] != "extra_forbidden":
        message = error["msg"].removeprefix("Value error, ").rstrip(".")
        return f"{path} is {_short(error['input'])}: {message}."
    if path in _NOT_OFFERED:
        return f"{path} changes nothing here: {_NOT_OFFERED[path]}. Remove it."
    known = _known(error["loc"][:-1], form)
    hint = did_you_mean(str(error["loc"][-1]), known) or f" Known here: {', '.join(known)}."
    return f"Unknown setting {path!r}.{hint}"


def _known(path: tuple[int | str, ...], form: type[BaseModel]) -> list[str]:
    model: Any = form
    for part in path:
        field = model.model_fields.get(part) if hasattr(model, "model_fields") else None
        options = getattr(field.annotation, "__args__", ()) if field else ()
        model = next((option for option in options if hasattr(option, "model_fields")), None)
    return sorted(model.model_fields) if model else []


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."  # noqa: PLR2004 - a line for people
