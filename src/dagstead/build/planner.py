"""How one location is built: its strategy, why, and what it needs."""

from __future__ import annotations

import hashlib
import posixpath
import re
from pathlib import Path
from typing import Any

from dagstead.build.dockerfiles import HOOKS, dockerfile_for, unused_hooks
from dagstead.build.model import (
    Commit,
    DockerPlan,
    How,
    PexPlan,
    PlannedBuild,
    PrebuiltPlan,
    Strategy,
)
from dagstead.build.plan_options import PlanOptions
from dagstead.build.pythons import PythonChooser, Pythons
from dagstead.build.tree import file_digest, tree_digest
from dagstead.build.uv import uv_of_machine
from dagstead.errors import InvalidInputError
from dagstead.model.families import Family
from dagstead.model.location import Kind, Location
from dagstead.repository.ci.acts import Act, BuildMethod
from dagstead.repository.ci.serverless_images import ServerlessImages
from dagstead.repository.files.before_build import PreparationFinder
from dagstead.repository.files.merge import without_nulls
from dagstead.repository.files.project import is_outside
from dagstead.repository.files.slugs import slugs_of
from dagstead.repository.python.pins import SUPPORTED
from dagstead.repository.rules.build_folders import unnamed_folder
from dagstead.repository.rules.evidence import Evidence

_MINOR = re.compile(r"3\.\d+")
_KEY_LENGTH = 16
_TAG_KEY_LENGTH = 8
_COMMIT_LENGTH = 7

_BY_KIND = {
    Kind.SERVERLESS: Strategy.PEX,
    Kind.HYBRID: Strategy.DOCKER,
    Kind.PREBUILT: Strategy.PREBUILT,
}


class Planner:
    """Decides how single locations of a project are built."""

    def __init__(self, evidence: Evidence, options: PlanOptions, commit: Commit | None) -> None:
        self._evidence = evidence
        self._project = project = evidence.project
        self._options = options
        self._slugs = slugs_of(project)
        uv = uv_of_machine(options.environment.get("PATH"))
        documents = evidence.documents
        self._chooser = PythonChooser(Pythons(options.environment, uv), documents)
        self._preparations = PreparationFinder(project.root, ".", documents)
        self._repository = project.repository.resolve()
        self._images = ServerlessImages(
            project=project,
            inspection=evidence.inspection,
            documents=documents,
            asked=options.serverless_images,
        )
        self.commit = commit

    def build_of(self, location: Location) -> PlannedBuild:
        """The plan of one location.

        Raises:
            InvalidInputError: when it cannot be built as it is written or chosen.
        """
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
        if name in self._options.registries and strategy is not Strategy.DOCKER:
            msg = (
                f"--registry says where its image goes, and it is built as {strategy}: for an "
                f"image, add --strategy '{name}=docker'."
            )
            raise InvalidInputError(msg)
        self._check_folder(location, strategy)
        how, key, remark = self._how(location, strategy, directory)
        before = None
        if strategy is not Strategy.PREBUILT:
            before = self._preparations.find(folder)
        return PlannedBuild(
            location=name,
            slug=self._slugs[name],
            how=how,
            reason="; ".join(
                each for each in (reason, remark, None if before is None else str(before)) if each
            ),
            position=str(location.position),
            directory=directory,
            folder=folder,
            queue=location.queue_name,
            cache_key=key,
            before=before,
            document=_document(location),
        )

    def _check_folder(self, location: Location, strategy: Strategy) -> None:
        given = location.name.value in self._options.dockerfiles
        found = unnamed_folder(self._project, location)
        if found is not None and strategy is not Strategy.PREBUILT and not given:
            raise InvalidInputError(found.refusal)

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
        why_image = self._images.why(location)
        if why_image is not None:
            return Strategy.DOCKER, f"it is serverless, and {why_image}"
        return _BY_KIND[location.kind], found.reason

    def _how(
        self, location: Location, strategy: Strategy, directory: Path
    ) -> tuple[How, str, str | None]:
        """The plan, its cache key, and a remark for the reason."""
        match strategy:
            case Strategy.PEX:
                return self._pex(location, directory)
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

    def _pex(self, location: Location, directory: Path) -> tuple[How, str, str | None]:
        chosen = self._chooser.choose(directory, self._repository, asked=self._options.python)
        by_ci = self._other_python(location, chosen.version)
        why = "it runs this command" if chosen.is_default else chosen.reason
        reason = f"{why}; {by_ci}" if by_ci else chosen.reason
        plan = PexPlan(
            python_version=chosen.version,
            python_reason=reason,
            platform=self._options.platform,
        )
        is_said = chosen.is_default and not by_ci
        remarks = [] if is_said else [f"Python {chosen.version}, as {reason}"]
        if (directory / "Dockerfile").is_file():
            remarks.append("its Dockerfile is not used")
        hooks = [each for each in HOOKS if (directory / each).is_file()]
        if hooks:
            remarks.append(unused_hooks(hooks, location.name.value))
        key = _key("pex", chosen.version, self._options.platform, tree_digest(directory))
        return plan, key, "; ".join(remarks) or None

    def _other_python(self, location: Location, version: str) -> str:
        """What CI builds a PEX file for, where that is known and is another Python."""
        acts = [
            act
            for act in self._evidence.inspection.builds_of(location)
            if act.strategy is BuildMethod.PEX
        ]
        given = {
            act.options.get("--python-version", act.options.get("python_version")) for act in acts
        }
        found = given.pop() if len(given) == 1 else None
        if self._options.python or not found or found == version or not _MINOR.fullmatch(found):
            return ""
        here = f": for that here, --python {found}" if found in SUPPORTED else ""
        return f"CI builds it with {found} ({_place(acts[0])}){here}"

    def _docker(self, location: Location, directory: Path) -> tuple[How, str, str | None]:
        name = location.name.value
        repository = self._options.registries.get(name) or self._options.registry
        if not repository:
            repository = location.registry.value if location.registry is not None else ""
        if not repository and location.kind is not Kind.SERVERLESS:
            msg = (
                "an image needs a place to go: write build.registry: HOST/PATH in its entry, or "
                f"name it with --registry '{name}=HOST/PATH'."
            )
            raise InvalidInputError(msg)
        code = (self._project.root / location.code_folder).resolve()
        dockerfile = self._options.dockerfiles.get(name, code / "Dockerfile")
        if name in self._options.dockerfiles and not dockerfile.is_file():
            msg = (
                f"there is no Dockerfile {str(dockerfile)!r}, which --dockerfile names. "
                "Its path begins at the folder that you are in."
            )
            raise InvalidInputError(msg)
        generated, remark = None, None
        if not dockerfile.is_file():
            inside = _package_in(location)
            generated = dockerfile_for(
                directory / inside,
                inside=inside,
                shown=posixpath.normpath(posixpath.join(location.image_context, inside)),
                chooser=self._chooser,
            )
            remark = f"there is no Dockerfile in {location.code_folder!r}, so one is generated"
        content = generated or file_digest(dockerfile)
        key = _key("docker", content, self._options.platform, tree_digest(directory))
        return (
            DockerPlan(
                repository=repository,
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


def _place(act: Act) -> str:
    return f"{act.position.file}:{act.position.line}"


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
