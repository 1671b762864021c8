"""From a project to a plan: the strategy of each location, why, and what it needs."""

from __future__ import annotations

import hashlib
import posixpath
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from dagstead.build.commits import commit_of
from dagstead.build.dockerfiles import dockerfile_for
from dagstead.build.model import (
    BuildPlan,
    Commit,
    DockerPlan,
    How,
    PexPlan,
    PlannedBuild,
    Platform,
    PrebuiltPlan,
    Strategy,
)
from dagstead.build.pythons import SUPPORTED, Pythons, choose_python
from dagstead.build.tree import file_digest, tree_digest
from dagstead.build.uv import uv_of_machine
from dagstead.errors import InvalidInputError
from dagstead.model.families import Family
from dagstead.model.location import Kind, Location
from dagstead.model.words import did_you_mean
from dagstead.repository.files import Project
from dagstead.repository.files.merge import without_nulls
from dagstead.repository.files.project import is_outside, left_out_note
from dagstead.repository.files.slugs import slugs_of
from dagstead.repository.rules import registries
from dagstead.repository.rules.checking import check

_KEY_LENGTH = 16
_TAG_KEY_LENGTH = 8
_COMMIT_LENGTH = 7

#: What would make an image that cannot be pushed, or a location that cannot be loaded.
_RULES = (
    registries.registry_with_tag,
    registries.registry_not_an_address,
    registries.registry_with_scheme,
    registries.variable_not_filled_in,
)

_BY_KIND = {
    Kind.SERVERLESS: Strategy.PEX,
    Kind.HYBRID: Strategy.DOCKER,
    Kind.PREBUILT: Strategy.PREBUILT,
}


@dataclass(frozen=True, kw_only=True, slots=True)
class PlanOptions:
    """What a person chooses about a plan. Mappings are by name of the location."""

    #: Only these; empty is all.
    locations: tuple[str, ...] = ()
    #: Instead of what the classification says.
    strategies: Mapping[str, Strategy] = field(default_factory=dict)
    #: Images from elsewhere, with tag or digest: these locations are prebuilt.
    images: Mapping[str, str] = field(default_factory=dict)
    #: Instead of ``Dockerfile`` in the build directory.
    dockerfiles: Mapping[str, Path] = field(default_factory=dict)
    #: The Python of all PEX files, as ``3.12``.
    python: str | None = None
    #: The machines that all of it is for; ``None`` is this one, and for images what Docker takes.
    platform: Platform | None = None
    #: The variables that programs get; ``PATH`` is where interpreters are looked for.
    environment: Mapping[str, str] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, kw_only=True, slots=True)
class BuildRefusal:
    """A location that cannot be built as it is written or chosen."""

    location: str
    #: ``file:line:column`` of what is wrong.
    position: str
    #: Sentences.
    reason: str

    def __str__(self) -> str:
        return f"{self.position}: {self.reason}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Outline:
    """What can be built, and what cannot."""

    plan: BuildPlan
    refusals: tuple[BuildRefusal, ...]


def make_plan(project: Project, options: PlanOptions) -> BuildPlan:
    """Decide how each location is built. Builds nothing, and runs nothing of the project.

    Raises:
        InvalidInputError: with a sentence for each location that cannot be built as it is written
            or chosen: ambiguous, without a folder, with a registry that is not one.
    """
    outline = make_outline(project, options)
    if outline.refusals:
        raise InvalidInputError("\n".join(dict.fromkeys(map(str, outline.refusals))))
    return outline.plan


def make_outline(project: Project, options: PlanOptions) -> Outline:
    """The same, where one location that cannot be built hides no other.

    Raises:
        InvalidInputError: when there is no location, or a name that is asked for is none.
    """
    _check_names(project, options)
    chosen = [
        each
        for each in project.locations
        if not options.locations or each.name.value in options.locations
    ]
    if not chosen:
        msg = (
            f"There is no code location in {project.root.name!r}. "
            f"{left_out_note(project) or 'Run it at the folder of your dagster_cloud.yaml.'}"
        )
        raise InvalidInputError(msg)
    refusals = [*_broken_rules(project, chosen)]
    broken = {each.location for each in refusals}
    planner = _Planner(project, options, commit_of(project.root))
    builds = []
    for location in chosen:
        name = location.name.value
        try:
            build = planner.build_of(location)
        except InvalidInputError as error:
            refusals.append(
                BuildRefusal(
                    location=name,
                    position=str(location.position),
                    reason=f"{name}: {error.message}",
                )
            )
        else:
            builds += [build] if name not in broken else []
    plan = BuildPlan(root=project.root, builds=tuple(builds), commit=planner.commit)
    return Outline(plan=plan, refusals=tuple(refusals))


class _Planner:
    def __init__(self, project: Project, options: PlanOptions, commit: Commit | None) -> None:
        self._project = project
        self._options = options
        self._slugs = slugs_of(project)
        self._pythons = Pythons(options.environment, uv_of_machine(options.environment.get("PATH")))
        self.commit = commit

    def build_of(self, location: Location) -> PlannedBuild:
        name = location.name.value
        strategy, reason = self._strategy(location)
        if location.code_source is None:
            msg = (
                "code_source is missing or empty. Name the code with package_name, module_name, "
                "python_file or autoload_defs_module_name."
            )
            raise InvalidInputError(msg)
        folder = location.code_folder
        if strategy is Strategy.DOCKER:
            folder = location.image_context
        directory = (self._project.root / folder).resolve()
        if strategy is not Strategy.PREBUILT and not directory.is_dir():
            msg = (
                f"there is no folder {folder!r} to build. Write the path of one as "
                "build.directory, from the folder of this file."
            )
            raise InvalidInputError(msg)
        how, key, remark = self._how(location, strategy, directory)
        return PlannedBuild(
            location=name,
            slug=self._slugs[name],
            how=how,
            reason=f"{reason}; {remark}" if remark else reason,
            position=str(location.position),
            directory=directory,
            folder=folder,
            queue=location.queue_name,
            cache_key=key,
            document=_document(location),
        )

    def _strategy(self, location: Location) -> tuple[Strategy, str]:
        name = location.name.value
        asked = self._options.strategies.get(name)
        if name in self._options.images:
            if asked not in {None, Strategy.PREBUILT}:
                msg = f"--strategy says {asked}, and --image that nothing is built. Leave one out."
                raise InvalidInputError(msg)
            return Strategy.PREBUILT, "--image names what exists"
        found = location.classification
        if asked is not None:
            return asked, f"--strategy says so ({found.reason})"
        if location.kind is Kind.AMBIGUOUS:
            msg = (
                f"it is ambiguous how to build it: {found.reason}. {found.settle}. "
                f"For this build alone: --strategy '{name}=pex', or docker, or prebuilt."
            )
            raise InvalidInputError(msg)
        return _BY_KIND[location.kind], found.reason

    def _how(
        self, location: Location, strategy: Strategy, directory: Path
    ) -> tuple[How, str, str | None]:
        """The plan, its cache key, and a remark for the reason."""
        match strategy:
            case Strategy.PEX:
                return self._pex(directory)
            case Strategy.DOCKER:
                return self._docker(location, directory)
            case Strategy.PREBUILT:
                image = self._options.images.get(location.name.value) or (
                    location.image.value if location.image else None
                )
                if image is None and location.executable_path is None:
                    msg = (
                        "it is prebuilt, and nothing names its image. Write image: in its entry, "
                        f"or name it with --image '{location.name.value}=HOST/PATH:TAG'."
                    )
                    raise InvalidInputError(msg)
                return PrebuiltPlan(image=image), _key("prebuilt", image), None

    def _pex(self, directory: Path) -> tuple[How, str, str | None]:
        chosen = choose_python(
            directory,
            self._project.repository.resolve(),
            asked=self._options.python,
            pythons=self._pythons,
        )
        plan = PexPlan(
            python_version=chosen.version,
            python_reason=chosen.reason,
            platform=self._options.platform,
        )
        remarks = [] if chosen.is_default else [f"Python {chosen.version}, as {chosen.reason}"]
        if (directory / "Dockerfile").is_file():
            remarks.append(
                "its Dockerfile is not used, as no build.registry says where an image would go"
            )
        key = _key("pex", chosen.version, self._options.platform, tree_digest(directory))
        return plan, key, "; ".join(remarks) or None

    def _docker(self, location: Location, directory: Path) -> tuple[How, str, str | None]:
        name = location.name.value
        if location.registry is None or not location.registry.value:
            msg = "an image needs a place to go: write build.registry: HOST/PATH in its entry."
            raise InvalidInputError(msg)
        code = (self._project.root / location.code_folder).resolve()
        dockerfile = self._options.dockerfiles.get(name, code / "Dockerfile")
        if name in self._options.dockerfiles and not dockerfile.is_file():
            msg = f"there is no Dockerfile {str(dockerfile)!r}, which --dockerfile names."
            raise InvalidInputError(msg)
        generated, remark = None, None
        if not dockerfile.is_file():
            inside = _package_in(location)
            generated = dockerfile_for(directory / inside, inside=inside, pythons=self._pythons)
            remark = f"there is no Dockerfile in {location.code_folder!r}, so one is generated"
        content = generated or file_digest(dockerfile)
        key = _key("docker", content, self._options.platform, tree_digest(directory))
        return (
            DockerPlan(
                repository=location.registry.value,
                tag=self._tag(name, key),
                dockerfile=None if generated else dockerfile.resolve(),
                generated=generated,
                platform=self._options.platform,
            ),
            key,
            remark,
        )

    def _tag(self, name: str, key: str) -> str:
        parts = [self._slugs[name], key[:_TAG_KEY_LENGTH]]
        if self.commit is not None:
            parts.insert(1, self.commit.hash[:_COMMIT_LENGTH])
        return "-".join(parts)


def _package_in(location: Location) -> str:
    """The folder to install, from what Docker gets: dg's is the project, wherever that is in it."""
    own = location.folder if location.family is Family.DG else location.code_folder
    inside = posixpath.relpath(own or ".", location.image_context)
    return "." if is_outside(inside) else inside


def _key(*parts: object) -> str:
    return hashlib.sha256(repr(tuple(map(str, parts))).encode()).hexdigest()[:_KEY_LENGTH]


def _document(location: Location) -> dict[str, Any]:
    document: dict[str, Any] = without_nulls(location.node).plain()
    document.pop("build", None)
    return document


def _broken_rules(project: Project, chosen: list[Location]) -> Iterator[BuildRefusal]:
    for finding in check(project, _RULES):
        for location in chosen:
            if location.registry is None or location.registry.position != finding.position:
                continue
            yield BuildRefusal(
                location=location.name.value,
                position=str(finding.position),
                reason=f"{finding.code} {finding.found.sentences}",
            )


def _check_names(project: Project, options: PlanOptions) -> None:
    if options.python is not None and options.python not in SUPPORTED:
        msg = f"--python {options.python!r} is not one of {', '.join(SUPPORTED)}."
        raise InvalidInputError(msg)
    known = [each.name.value for each in project.locations]
    for flag, names in (
        ("--location", options.locations),
        ("--strategy", options.strategies),
        ("--image", options.images),
        ("--dockerfile", options.dockerfiles),
    ):
        for name in names:
            if name not in known:
                hint = did_you_mean(name, known)
                listed = ", ".join(known) or "none"
                msg = f"{flag}: there is no location {name!r}.{hint} There is: {listed}."
                raise InvalidInputError(msg)
