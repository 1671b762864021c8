"""What a step does to locations: one act per command or action of Dagster."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from dagstead.model.source import Position
from dagstead.repository.ci.references import Reference


class ActKind(StrEnum):
    """The kind of an act."""

    #: A session begins, with all locations of a file or some.
    BEGIN = "begins a session"
    #: Locations of the session are built.
    BUILD = "builds"
    #: A pushed image is recorded in the session.
    RECORD = "records an image"
    #: Locations of the session are taken out of what follows, or put back.
    SELECT = "selects"
    DESELECT = "deselects"
    #: What was built in the session is deployed.
    DEPLOY = "deploys"
    #: Locations are built and deployed at once, without a session.
    BUILD_AND_DEPLOY = "builds and deploys"
    #: Locations are deployed that exist already.
    DEPLOY_EXISTING = "deploys what exists"
    #: A branch deployment is made.
    OPEN = "opens a branch deployment"
    CLOSE = "closes a branch deployment"
    CHECK = "checks"
    #: The configuration is read, so that later steps can be chosen by it.
    READ = "reads the configuration"
    #: Rendered configuration is written to a file.
    RENDER = "renders the configuration"
    #: It is found out what has changed.
    COMPARE = "compares commits"
    #: An image is pushed.
    PUSH = "pushes an image"
    #: A comment, a summary, a job that is launched: nothing about what is deployed.
    NOTIFY = "notifies"
    #: A script or program that could do anything.
    OPAQUE = "runs a script"


class BuildMethod(StrEnum):
    """How something is built."""

    PEX = "pex"
    #: An image in the registry of the control plane, for serverless locations.
    SERVERLESS_IMAGE = "serverless image"
    #: An image in the registry of the location.
    IMAGE = "image"
    #: Each location by its kind.
    BY_KIND = "by kind"


#: The ways whose builders never read ``build.registry``.
SERVERLESS_WAYS = frozenset({BuildMethod.PEX, BuildMethod.SERVERLESS_IMAGE})


class Tool(StrEnum):
    """The program that does it."""

    ACTION = "the official action"
    CLI = "the command line"
    DG = "dg"
    DAGSTEAD = "dagstead"
    OTHER = "something else"


@dataclass(frozen=True, kw_only=True, slots=True)
class Selection:
    """The locations that an act is about."""

    names: tuple[str, ...] = ()
    #: Whether it names none, which is all of them.
    everything: bool = False
    #: Whether some of the names are not known, or all depends on the run.
    unknown: bool = False
    #: Those that are left out.
    without: frozenset[str] = frozenset()

    def has(self, name: str) -> bool | None:
        """Whether a location is among them, ``None`` where that cannot be known."""
        if name in self.without:
            return False
        if self.everything or name in self.names:
            return True
        return None if self.unknown else False


ALL = Selection(everything=True)
SOME = Selection(unknown=True)


@dataclass(frozen=True, kw_only=True, slots=True)
class Act:
    """Something that a step does."""

    does: ActKind
    #: The command or the part of the action, as people know it.
    by: str
    tool: Tool
    position: Position
    chosen: Selection = ALL
    strategy: BuildMethod | None = None
    #: The configuration file, relative to the root of the repository; of dg and dagstead the
    #: folder. ``None`` is not known.
    file: str | None = None
    #: The folder that it runs in, relative to the root of the repository; ``None`` is not known.
    folder: str | None = None
    #: Whether the step always runs when its job does, as far as can be known.
    certain: bool = True
    #: The text of the step's condition.
    condition: str = ""
    #: Variables; ``None`` is a value that is not known.
    env: Mapping[str, str | None] = field(default_factory=dict, repr=False)
    #: Options and inputs that were given; ``None`` is a value that is not known.
    options: Mapping[str, str | None] = field(default_factory=dict, repr=False)
    reference: Reference | None = None
    #: Of a pushed image its names without tags; ``None`` where one is not known.
    images: tuple[str, ...] | None = None


#: Acts after which a location runs other code than before.
DEPLOYING = frozenset({ActKind.DEPLOY, ActKind.BUILD_AND_DEPLOY, ActKind.DEPLOY_EXISTING})
