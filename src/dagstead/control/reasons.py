"""Why something waits or does not work: views that every door shows."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from dagstead.control.actor import Actor
from dagstead.control.backend import Backend
from dagstead.control.survey import Survey
from dagstead.control.wait_notes import waiting_runs
from dagstead.errors import InvalidInputError, NotFoundError
from dagstead.model.words import did_you_mean
from dagstead.plane.deployments import Deployment
from dagstead.plane.organization import ORGANIZATION
from dagstead.plane.reasons import (
    RequestWait,
    RequestWaits,
    RunWaits,
    Subject,
    SubjectKind,
    SubjectReason,
)
from dagstead.plane.run_queue import RunStatus

#: Of the runs that wait, and of those that are looked at for one of them.
MOST_RUNS = 200
#: In a sentence on what may be meant.
_MOST_NAMED = 5
_SHORTEST_PREFIX = 4
_RUNS = "looking at runs"
_REQUESTS = "looking at requests"


@dataclass(frozen=True, slots=True)
class Reasons:
    """Views of why something waits."""

    _backend: Backend

    def why(self, actor: Actor, name: str, deployment: Deployment | None = None) -> SubjectReason:
        """Why a run, a location or a request waits, whichever it is.

        Args:
            actor: who asks.
            name: the id of a run or a request, or how it begins; or the name of a location.
            deployment: where to look; if left out, in all that the actor may see.

        Raises:
            NotFoundError: when there is no such thing.
            InvalidInputError: when there are several.
            ForbiddenError: when the actor may not see it.
        """
        found = self._find(actor, name, deployment)
        if not found:
            where = "" if deployment is None else f" in deployment {deployment.name!r}"
            near = did_you_mean(name, self._locations(actor, deployment))
            raise NotFoundError(
                f"There is no run, location or request {name!r}{where}.{near} `dagstead location "
                "list` shows the locations; the UI has the ids of runs, of which the first "
                f"{_SHORTEST_PREFIX} characters are enough."
            )
        if len(found) > 1:
            named = "; ".join(map(_named, found[:_MOST_NAMED]))
            more = len(found) - _MOST_NAMED
            rest = f"; and {more} more" if more > 0 else ""
            raise InvalidInputError(
                f"{name!r} may be several things: {named}{rest}. Write more of the id, or choose "
                "a deployment with --deployment."
            )
        kind, of, deployment_name = found[0]
        place = self._backend.store.deployments.get(deployment_name)
        match kind:
            case SubjectKind.RUN:
                return self.why_run(actor, place, of)
            case SubjectKind.LOCATION:
                return self.why_location(actor, place, of)
            case SubjectKind.REQUEST:
                return self.why_request(actor, place, of)

    def why_run(self, actor: Actor, deployment: Deployment, run_id: str) -> SubjectReason:
        """Why a run waits, does not go on, or has ended.

        Raises:
            NotFoundError: when there is none of that id.
            ForbiddenError: when the actor may not see the runs of the deployment.
        """
        actor.require_reading(deployment, _RUNS)
        run = self._backend.orchestration.run(deployment, run_id)
        if run is None:
            raise NotFoundError(f"There is no run {run_id!r} in deployment {deployment.name!r}.")
        survey = Survey.of(self._backend)
        launch = self._backend.store.launches.newest(deployment.name, run_id)
        if run.status in {RunStatus.QUEUED, RunStatus.STARTING, RunStatus.STARTED}:
            waiting, _ = self._backend.store.waits.runs(ORGANIZATION, {deployment.name}, MOST_RUNS)
            launches = {each.run_id: each for each in waiting}
            if launch is not None:
                launches[run_id] = launch
            queue = self._backend.orchestration.run_queue(deployment, [run_id, *launches])
            reason = survey.runs(deployment, launches, queue).get(run_id)
        else:
            reason = None
        if reason is None:
            reason = survey.run(deployment, run, launch)
        subject = Subject(
            kind=SubjectKind.RUN,
            id=run_id,
            deployment=deployment.name,
            location=run.location,
            queue=survey.queue_for(deployment, run.location, launch),
        )
        return SubjectReason(subject=subject, reason=reason)

    def why_location(self, actor: Actor, deployment: Deployment, name: str) -> SubjectReason:
        """Why a location does not serve its newest deploy, or that it does.

        Raises:
            LocationNotFoundError: with the names that exist.
            ForbiddenError: when the actor may not see it.
        """
        actor.require_sight(deployment, [name])
        location = self._backend.store.locations.get(deployment.name, name)
        subject = Subject(
            kind=SubjectKind.LOCATION,
            id=name,
            deployment=deployment.name,
            location=name,
            queue=location.queue,
        )
        reason = Survey.of(self._backend).location(deployment, location)
        return SubjectReason(subject=subject, reason=reason)

    def why_request(self, actor: Actor, deployment: Deployment, request_id: str) -> SubjectReason:
        """Why a request waits.

        Raises:
            NotFoundError: when there is none of that id, or it ended more than an hour ago.
            ForbiddenError: when the actor may not see the whole deployment.
        """
        actor.require_reading(deployment, _REQUESTS)
        request = self._backend.store.waits.requests(ORGANIZATION, [request_id]).get(request_id)
        if request is None or request.deployment != deployment.name:
            raise NotFoundError(
                f"There is no request {request_id!r} in deployment {deployment.name!r}. Those that "
                "have ended are kept for an hour."
            )
        subject = Subject(
            kind=SubjectKind.REQUEST,
            id=request_id,
            deployment=deployment.name,
            location=request.location,
            queue=request.queue,
        )
        reason = Survey.of(self._backend).request(deployment, request)
        return SubjectReason(subject=subject, reason=reason)

    def waiting_runs(self, actor: Actor, limit: int = MOST_RUNS) -> RunWaits:
        """The runs that have not started, in all deployments that the actor may see.

        Args:
            actor: who asks.
            limit: of the rows; those that wait longest come first.

        Raises:
            ForbiddenError: for actors who may only deploy some locations.
        """
        actor.require_whole(_RUNS)
        actor.refuse_code("Looking at runs")
        return waiting_runs(self._backend, self._seen(actor), min(limit, MOST_RUNS))

    def waiting_requests(self, actor: Actor, limit: int = MOST_RUNS) -> RequestWaits:
        """The requests without an answer, in all deployments that the actor may see.

        Args:
            actor: who asks.
            limit: of the rows; those that wait longest come first.

        Raises:
            ForbiddenError: for actors who may only deploy some locations.
        """
        actor.require_whole(_REQUESTS)
        actor.refuse_code("Looking at requests")
        store = self._backend.store
        found, total = store.waits.open_requests(
            ORGANIZATION, self._seen(actor), min(limit, MOST_RUNS)
        )
        every = {each.name: each for each in store.deployments.all()}
        survey = Survey.of(self._backend)
        rows = [
            RequestWait(
                id=one.id,
                api=one.api,
                deployment=one.deployment,
                location=one.location,
                queue=one.queue,
                run_id=one.run_id,
                since=one.created_at,
                reason=survey.request(every[one.deployment], one),
            )
            for one in found
            if one.deployment in every
        ]
        return RequestWaits(rows=rows, total=total)

    def _seen(self, actor: Actor) -> set[str] | None:
        """The deployments that an actor may see; ``None`` is all of them."""
        every = {each.name: each for each in self._backend.store.deployments.all()}
        seen = {name for name, each in every.items() if actor.grants(each)}
        return None if seen == every.keys() else seen

    def _find(
        self, actor: Actor, name: str, deployment: Deployment | None
    ) -> list[tuple[SubjectKind, str, str]]:
        """What of the actor's may be meant: its kind, its id and its deployment."""
        if deployment is not None:
            actor.require_deployment(deployment)
        every = [deployment] if deployment else self._backend.store.deployments.all()
        places = {each.name: each for each in every if actor.grants(each)}
        store = self._backend.store
        found = [
            (SubjectKind.LOCATION, name, place)
            for place in store.waits.locations_named(ORGANIZATION, name)
            if place in places and actor.sees_location(name)
        ]
        if actor.is_of_locations or len(name) < _SHORTEST_PREFIX:
            return found
        for kind, named in (
            (SubjectKind.RUN, store.waits.runs_named),
            (SubjectKind.REQUEST, store.waits.requests_named),
        ):
            found += [
                (kind, each.id, each.deployment)
                for each in named(ORGANIZATION, name, MOST_RUNS)
                if each.deployment in places
            ]
        exact = [each for each in found if each[1] == name]
        return exact or found or self._old_run(places.values(), name)

    def _locations(self, actor: Actor, deployment: Deployment | None) -> set[str]:
        """The names of the locations that the actor may see."""
        every = [deployment] if deployment else self._backend.store.deployments.all()
        places = {each.name for each in every if actor.grants(each)}
        known = self._backend.store.waits.location_names(ORGANIZATION)
        return {name for place, name in known if place in places and actor.sees_location(name)}

    def _old_run(
        self, places: Iterable[Deployment], run_id: str
    ) -> list[tuple[SubjectKind, str, str]]:
        """A run whose launches are no longer kept, or that was never launched."""
        return [
            (SubjectKind.RUN, run_id, place.name)
            for place in places
            if not place.is_branch and self._backend.orchestration.run(place, run_id) is not None
        ]


def _named(found: tuple[SubjectKind, str, str]) -> str:
    kind, of, deployment = found
    return f"{kind} {of} of {deployment}"
