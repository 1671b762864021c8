"""Show and roll back the releases of a deployment in the control plane's own folder."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from dagstead.client.releases import Release, ReleasePart, RollbackPlan, error_text
from dagstead.control.actor import COMMAND_LINE
from dagstead.control.all import Control
from dagstead.control.releases import RollbackGoal
from dagstead.errors import InvalidDocumentError, RefusedError
from dagstead.plane import releases as plane
from dagstead.plane.agents import Heartbeat
from dagstead.plane.deployments import Deployment
from dagstead.plane.locations import NewLocation


@dataclass(frozen=True, slots=True)
class LocalReleases:
    """Does directly what :class:`dagstead.client.releases.Releases` does over HTTP."""

    _control: Control
    _deployment: Deployment

    def newest(self, limit: int | None = None) -> list[Release]:
        """Releases, newest first."""
        beats = self._alive()
        found = self._control.releases.all(COMMAND_LINE, self._deployment, limit)
        return [_release(each, beats) for each in found]

    def show(self, number: int) -> Release:
        """The current state of a release."""
        found = self._control.releases.get(COMMAND_LINE, self._deployment, number)
        return _release(found, self._alive())

    def end(self, number: int, reason: str) -> Release:
        """End a release that is loading."""
        ended = self._control.releases.end(COMMAND_LINE, self._deployment, number, reason)
        return _release(ended, self._alive())

    def plan_rollback(self, number: int | None, *, whole_deployment: bool) -> RollbackPlan:
        """What a rollback would change now."""
        goal = RollbackGoal(number=number, whole_deployment=whole_deployment)
        plan = self._control.releases.plan_rollback(COMMAND_LINE, self._deployment, goal)
        return RollbackPlan(
            undoes=plan.undoes,
            back_to=plan.back_to,
            returns={
                name: source if isinstance(source, int) else None
                for name, source in sorted(plan.returns.items())
            },
            removes=plan.removes,
            stays=plan.stays,
            ends=plan.ends,
            needs_confirmation=plan.needs_confirmation,
        )

    def roll_back(
        self,
        number: int | None,
        *,
        whole_deployment: bool = False,
        confirmed: Sequence[str] | None = None,
    ) -> Release:
        """Undo one release, or return the whole deployment to one."""
        # It imports Dagster, which takes seconds.
        from dagstead.operator_api.documents import DeployTarget, read_location

        target = DeployTarget(deployment=self._deployment)

        def redeploy(document: Mapping[str, Any]) -> NewLocation:
            return read_location(document, target)

        goal = RollbackGoal(number=number, whole_deployment=whole_deployment)
        try:
            begun = self._control.releases.roll_back(
                COMMAND_LINE, self._deployment, goal, redeploy, confirmed
            )
        except InvalidDocumentError as error:
            # The same error as over HTTP.
            raise RefusedError("\n".join(error.errors)) from error
        return _release(begun, self._alive())

    def _alive(self) -> list[Heartbeat]:
        return self._control.agents.alive(COMMAND_LINE, self._deployment)


def _release(found: plane.Release, beats: Sequence[Heartbeat]) -> Release:
    return Release(
        number=found.number,
        state=str(found.state),
        atomic=found.atomic,
        cause=str(found.cause),
        undoes=found.undoes,
        back_to=found.back_to,
        commit_hash=found.commit_hash,
        url=found.url,
        by=found.by,
        removes=found.removes,
        reason=found.reason,
        created_at=found.created_at,
        ended_at=found.ended_at,
        parts=tuple(_part(each, beats) for each in found.parts),
    )


def _part(part: plane.Part, beats: Sequence[Heartbeat]) -> ReleasePart:
    return ReleasePart(
        location=part.name,
        queue=part.queue,
        state=str(part.state),
        phase=str(part.phase),
        agents=tuple(each.label or each.agent_id for each in beats if part.queue in each.queues),
        error=part.error and error_text(_with_causes(json.loads(part.error))),
        document=part.document,
    )


def _with_causes(error: Mapping[str, Any]) -> Mapping[str, Any]:
    """A stored error in the form in which the server sends it."""
    causes = []
    cause = error.get("cause")
    while cause:
        causes.append(cause)
        cause = cause.get("cause")
    return {**error, "causes": causes}
