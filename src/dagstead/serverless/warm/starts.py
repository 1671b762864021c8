"""Starting warm workers for the code of a run, in the way in which its own worker is started."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from functools import partial
from typing import TYPE_CHECKING
from uuid import uuid4

from dagster._serdes import serialize_value

from dagstead.serverless.warm.standby import WORKER, Standby

if TYPE_CHECKING:
    from dagster._core.instance import InstanceRef
    from dagster._core.origin import RepositoryPythonOrigin

    from dagstead.serverless.sandbox.limits import ProcessLimits
    from dagstead.serverless.sandbox.programs import Owner, Program
    from dagstead.serverless.sandbox.sandbox import Sandbox
    from dagstead.serverless.user_code import Runtime
    from dagstead.serverless.warm.standbys import Standbys


@dataclass(frozen=True, kw_only=True, slots=True)
class WarmCode:
    """The code of a run, and all that its worker finds around it but the run."""

    runtime: Runtime
    owner: Owner
    deployment: str
    origin: RepositoryPythonOrigin
    instance: InstanceRef
    limits: ProcessLimits
    #: All that it has in its environment, but a token.
    variables: Mapping[str, str]

    @property
    def key(self) -> str:
        """Another one for whatever could make a difference to the run."""
        text = json.dumps(
            [
                str(self.runtime.python),
                self.runtime.environment,
                str(self.owner),
                self.deployment,
                serialize_value(self.origin),
                serialize_value(self.instance),
                asdict(self.limits),
                sorted(self.variables.items()),
            ]
        )
        return hashlib.sha256(text.encode()).hexdigest()

    def program(self) -> Program:
        """What imports it and waits."""
        made = self.runtime.program(
            [
                str(self.runtime.python),
                str(WORKER),
                serialize_value(self.origin),
                serialize_value(self.instance),
            ],
            self.variables,
            deployment=self.deployment,
            limits=self.limits,
        )
        return replace(made, read=(*made.read, WORKER))


@dataclass(frozen=True, kw_only=True, slots=True)
class WarmStarts:
    """Where a pool's runs find processes that have imported their code."""

    standbys: Standbys
    sandbox: Sandbox
    umask: int = -1

    def standby_for(self, code: WarmCode) -> Standby | None:
        """One that waits for a run of this code, if there is one."""
        return self.standbys.take(code.key)

    def follow(self, code: WarmCode) -> None:
        """A run of this code was launched; another one may follow."""
        self.standbys.follow(code.key, partial(self._start, code))

    def remark(self, code: WarmCode) -> str:
        """What to say of a run whose worker has imported nothing before; mostly nothing."""
        if not self.standbys.needs_token(code.key):
            return ""
        return (
            " It imports its code now, and not before, as that asks for DAGSTER_CLOUD_AGENT_TOKEN "
            "when it is imported."
        )

    def _start(self, code: WarmCode) -> Standby:
        name = f"warm-{uuid4().hex}"
        program = replace(code.program(), umask=self.umask)
        with self.sandbox.around(name, code.owner, program) as start:
            return Standby.start(
                name,
                start,
                now=time.monotonic(),
                clean=partial(self.sandbox.end, code.owner, name),
            )
