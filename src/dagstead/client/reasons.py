"""Why something waits or does not work, over HTTP."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from dagstead.client.connection import Connection
from dagstead.plane.reasons import (
    Mend,
    Reason,
    ReasonCode,
    RunWait,
    RunWaits,
    Subject,
    SubjectKind,
    SubjectReason,
    WaitStep,
)

_REASON = "reason { code says since about chain { code says since } mend command }"
_WHY = f"""
query ($name: String!, $deployment: String) {{
  result: why(name: $name, deploymentName: $deployment) {{
    kind id deploymentName locationName queue {_REASON}
  }}
}}
"""
_WAITING = f"""
query {{
  result: waitingRuns {{
    total rows {{ runId deploymentName locationName queue since {_REASON} }}
  }}
}}
"""


@dataclass(frozen=True, slots=True)
class Reasons:
    """Views of reasons. Each method raises what :class:`Connection` does."""

    connection: Connection

    def why(self, name: str, deployment: str | None = None) -> SubjectReason:
        """Why a run, a location or a request waits."""
        found = self.connection.graphql(_WHY, name=name, deployment=deployment)["result"]
        return SubjectReason(
            subject=Subject(
                kind=SubjectKind(found["kind"]),
                id=found["id"],
                deployment=found["deploymentName"],
                location=found["locationName"],
                queue=found["queue"],
            ),
            reason=_reason(found["reason"]),
        )

    def waiting_runs(self) -> RunWaits:
        """The runs that have not started."""
        found = self.connection.graphql(_WAITING)["result"]
        return RunWaits(
            total=found["total"],
            rows=[
                RunWait(
                    run_id=row["runId"],
                    deployment=row["deploymentName"],
                    location=row["locationName"],
                    queue=row["queue"],
                    since=row["since"],
                    reason=_reason(row["reason"]),
                )
                for row in found["rows"]
            ],
        )


def _reason(given: Mapping[str, Any]) -> Reason:
    mend = given["mend"]
    return Reason(
        code=_code(given["code"]),
        says=given["says"],
        since=given["since"],
        about=given["about"],
        chain=[
            WaitStep(code=_code(step["code"]), says=step["says"], since=step["since"])
            for step in given["chain"]
        ],
        mend=None if mend is None else Mend(says=mend, command=given["command"]),
    )


def _code(given: str) -> ReasonCode:
    """The code; of a newer server, one that we do not know is unknown."""
    return ReasonCode(given) if given in set(ReasonCode) else ReasonCode.UNKNOWN
