"""Releases: how deploys begin, and how they are ended or rolled back."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

from dagstead.control import deploy_policies, tracing
from dagstead.control.actor import Actor
from dagstead.control.availability import would_wait
from dagstead.control.backend import Backend
from dagstead.control.changes import Change, publish
from dagstead.control.image_pins import ImagePins
from dagstead.control.pinning import PinFinder
from dagstead.errors import ConflictError, InvalidDocumentError
from dagstead.model.text import plain_line, plain_lines
from dagstead.plane.deploy_policy import Wish
from dagstead.plane.deployments import Deployment
from dagstead.plane.locations import NewLocation
from dagstead.plane.organization import ORGANIZATION
from dagstead.plane.release_machine.events import RollbackStart
from dagstead.plane.release_policy import ReleasePolicy, UnservedQueuePolicy
from dagstead.plane.releases import Cause, NewRelease, Release
from dagstead.plane.rollbacks import History, Rollback

#: Makes a new deploy from a document that was deployed before.
Redeploy: TypeAlias = Callable[[Mapping[str, Any]], NewLocation]

#: How often a rollback is planned anew because the deployment changed meanwhile.
_PLANS = 5


@dataclass(frozen=True, kw_only=True, slots=True)
class RollbackGoal:
    """What a user wants to roll back."""

    #: The release to undo, or with ``whole_deployment`` the one to return to. ``None`` is the
    #: newest one that the actor may undo, or the one before the newest.
    number: int | None = None
    whole_deployment: bool = False


@dataclass(frozen=True, slots=True)
class Releases:
    """Acts on a deployment's releases, and views of them."""

    _backend: Backend

    def all(self, actor: Actor, deployment: Deployment, limit: int | None = None) -> list[Release]:
        """The releases of locations that the actor may see, newest first.

        At most ``limit``, which for a negative number are none.
        """
        actor.require_deployment(deployment)
        store = self._backend.store.releases
        limit = None if limit is None else max(limit, 0)
        if not actor.is_of_locations:
            return store.all(deployment.name, limit=limit)
        found = [
            release.cut_to(actor.sees_location)
            for release in store.all(deployment.name)
            if any(map(actor.sees_location, release.touched))
        ]
        return found if limit is None else found[:limit]

    def get(self, actor: Actor, deployment: Deployment, number: int) -> Release:
        """One release, as far as the actor may see its locations.

        Raises:
            ForbiddenError: when it has none of the actor's locations.
            ReleaseNotFoundError: when no release has that number.
        """
        actor.require_deployment(deployment)
        found = self._backend.store.releases.get(deployment.name, number)
        if not any(map(actor.sees_location, found.touched)):
            actor.require_whole(f"release {number}")
        return found.cut_to(actor.sees_location)

    def open(self, actor: Actor) -> list[Release]:
        """The loading releases of all deployments."""
        actor.require_system("Watching releases")
        return self._backend.store.releases.open(ORGANIZATION)

    def begin(
        self, actor: Actor, deployment: Deployment, new: NewRelease, *, remove_others: bool = False
    ) -> Release:
        """Begin a release.

        The release records the actor, and the commit of the documents if ``new`` has none. It is
        atomic only if the deployment's policy is.

        Args:
            actor: begins it.
            deployment: to which it deploys.
            new: the release.
            remove_others: whether the deployment's other locations are removed when it goes live.

        Raises:
            ForbiddenError: when the actor may not change one of the locations.
            InvalidDocumentError: when a PEX file was never uploaded, or when no live agent serves
                the queue of a location and the deployment's policy refuses that.
        """
        removes = new.removes
        if remove_others:
            removes = self._others(deployment, new.locations)
            actor.require_touched(deployment, removes, "removing the deployment's other locations")
        checked = self._checked(actor, deployment, replace(new, removes=removes))
        release, queues = self._backend.store.releases.begin(deployment.name, checked)
        tracing.release_begun(self._backend, deployment, release.number)
        publish(self._backend, Change(deployment=deployment, queues=queues, releases=True))
        return release

    def _checked(self, actor: Actor, deployment: Deployment, new: NewRelease) -> NewRelease:
        """A release that may begin, with everything that is recorded of its begin."""
        actor.require_locations(
            deployment, [*(location.name for location in new.locations), *new.removes]
        )
        policy = ReleasePolicy.of(deployment.settings)
        waiting = would_wait(
            self._backend, deployment, {location.name: location.queue for location in new.locations}
        )
        locations, errors = PinFinder(self._backend, deployment, actor.uploader).pin(new.locations)
        locations, unknown = ImagePins(self._backend, deployment, actor.uploader).pin(locations)
        errors += unknown
        if policy.unserved is UnservedQueuePolicy.REFUSE:
            errors += waiting
        wishes = map(Wish.of, new.locations)
        errors += deploy_policies.refusals(self._backend, actor, deployment, wishes)
        pause = self._backend.store.properties.pause()
        if pause is not None and pause.everything:
            errors.append(pause.refusal)
        if errors:
            raise InvalidDocumentError(errors)
        git = _git(new.locations)
        return replace(
            new,
            locations=locations,
            atomic=new.atomic and policy.atomic,
            by=actor.name,
            commit_hash=_plain(new.commit_hash or git.get("commit_hash")),
            url=_plain(new.url or git.get("url")),
            warning=" ".join(waiting) if policy.unserved is UnservedQueuePolicy.WARN else None,
        )

    def end(self, actor: Actor, deployment: Deployment, number: int, reason: str) -> Release:
        """End a release that is loading: its locations go back to their live versions.

        Args:
            actor: ends it.
            deployment: of the release.
            number: of the release.
            reason: why, as a sentence for people.

        Raises:
            ForbiddenError: when the actor may not change one of its locations.
            ReleaseNotFoundError: when no release has that number.
        """
        actor.require_locations(deployment, ())
        store = self._backend.store.releases
        ending = store.get(deployment.name, number)
        actor.require_touched(deployment, ending.touched, f"ending release {number}")
        outcome = store.end(deployment.name, number, plain_lines(reason))
        publish(self._backend, Change(deployment=deployment, queues=outcome.queues, releases=True))
        return store.get(deployment.name, number)

    def plan_rollback(self, actor: Actor, deployment: Deployment, goal: RollbackGoal) -> Rollback:
        """What a rollback would change now.

        Raises:
            ForbiddenError: when the actor may not change one of the locations.
            ReleaseNotFoundError: when no release has the number.
            ConflictError: when there is nothing to go back to.
        """
        return self._planned(actor, deployment, goal)[1]

    def roll_back(
        self,
        actor: Actor,
        deployment: Deployment,
        goal: RollbackGoal,
        redeploy: Redeploy,
        confirmed: Collection[str] | None = None,
    ) -> Release:
        """Begin a release that undoes another one, or that returns the whole deployment.

        A release that is loading and has brought nothing yet is only ended: no other one begins.

        Args:
            actor: begins it.
            deployment: of the releases.
            goal: the release to undo, or to return to.
            redeploy: makes a new deploy from a document.
            confirmed: locations that may be changed; a rollback that removes locations, or that is
                of the whole deployment, changes no others.

        Returns:
            The release that was begun, or the one that was ended.

        Raises:
            ForbiddenError: when the actor may not change one of the locations.
            ReleaseNotFoundError: when no release has the number.
            ConflictError: when there is nothing to go back to, when something was not confirmed,
                or when the deployment keeps changing meanwhile.
            InvalidDocumentError: as :meth:`begin`.
        """
        for _ in range(_PLANS):
            history, plan = self._planned(actor, deployment, goal)
            _require_confirmation(plan, confirmed)
            if plan.changes:
                done = self._begin_rollback(actor, deployment, history, plan, redeploy)
            else:
                done = self._only_end(actor, deployment, plan)
            if done is not None:
                return done
        raise ConflictError(
            f"Deployment {deployment.name!r} changed while the rollback was planned, "
            f"{_PLANS} times. Nothing was rolled back. Try again."
        )

    def _planned(
        self, actor: Actor, deployment: Deployment, goal: RollbackGoal
    ) -> tuple[History, Rollback]:
        actor.require_locations(deployment, ())
        store = self._backend.store
        releases = store.releases.all(deployment.name)
        history = History(store.locations.all(deployment.name), releases)
        touched = {release.number: release.touched for release in releases}
        if goal.whole_deployment:
            actor.require_whole("returning a whole deployment to a release")
            plan = history.back_to(goal.number)
        elif goal.number is not None:
            undone = touched.get(goal.number, ())
            actor.require_touched(deployment, undone, f"undoing release {goal.number}")
            plan = history.undo(goal.number)
        else:
            plan = _newest(actor, deployment, history, touched)
        ended = set().union(*(touched[number] for number in plan.ends))
        actor.require_touched(deployment, plan.changes | ended, "this rollback")
        if not plan.changes and not plan.ends:
            raise ConflictError(_nothing(plan))
        if history.empties(plan):
            raise ConflictError(
                "There is no release to go back to: nothing else was live before, and a rollback "
                f"does not remove everything. It would remove: {', '.join(plan.removes)}."
            )
        return history, plan

    def _begin_rollback(
        self,
        actor: Actor,
        deployment: Deployment,
        history: History,
        plan: Rollback,
        redeploy: Redeploy,
    ) -> Release | None:
        deploys = [history.deploy_of(name, source) for name, source in sorted(plan.returns.items())]
        new = NewRelease(
            locations=[redeploy(deploy.document) for deploy in deploys],
            removes=plan.removes,
            cause=Cause.ROLLBACK,
            undoes=plan.undoes,
            back_to=plan.back_to,
        )
        start = RollbackStart(
            new=self._checked(actor, deployment, new),
            ends=frozenset(plan.ends),
            live=history.deploys_under(plan),
        )
        begun = self._backend.store.releases.roll_back(deployment.name, start)
        if begun is None:
            return None
        release, queues = begun
        publish(self._backend, Change(deployment=deployment, queues=queues, releases=True))
        return release

    def _only_end(self, actor: Actor, deployment: Deployment, plan: Rollback) -> Release | None:
        """End releases that have brought nothing yet; ``None`` when one has ended by itself."""
        store = self._backend.store.releases
        reason = f"It was ended by a rollback, by {actor.name}."
        outcomes = [store.end(deployment.name, number, reason) for number in plan.ends]
        queues = frozenset().union(*(outcome.queues for outcome in outcomes))
        publish(self._backend, Change(deployment=deployment, queues=queues, releases=True))
        if not all(outcome.counted for outcome in outcomes):
            return None
        return store.get(deployment.name, plan.ends[-1])

    def _others(self, deployment: Deployment, new: Sequence[NewLocation]) -> list[str]:
        names = {location.name for location in new}
        every = self._backend.store.locations.all(deployment.name)
        return [location.name for location in every if location.name not in names]


def _plain(said: object) -> str | None:
    return None if said is None else plain_line(str(said))


def _git(new: Sequence[NewLocation]) -> Mapping[str, Any]:
    """The commit of the documents, which is the same for all of a deploy."""
    return next((location.document["git"] for location in new if location.document.get("git")), {})


def _newest(
    actor: Actor, deployment: Deployment, history: History, touched: Mapping[int, frozenset[str]]
) -> Rollback:
    """The plan to undo the newest release that the actor may undo."""
    for number in history.newest_first():
        plan = history.undo(number)
        if (plan.changes or plan.ends) and actor.grants_locations(deployment, touched[number]):
            return plan
    raise ConflictError(
        "There is no release to go back to: nothing that is live was brought by a release that "
        "can be undone. See `dagstead release list`."
    )


def _require_confirmation(plan: Rollback, confirmed: Collection[str] | None) -> None:
    """Refuse what nobody has confirmed.

    Raises:
        ConflictError: with what it changes, and how to confirm it.
    """
    others = sorted(plan.changes.difference(confirmed or ()))
    if not plan.needs_confirmation or (confirmed is not None and not others):
        return
    kinds = {"return": plan.changes.difference(plan.removes), "remove": plan.removes}
    effects = [
        f"would {verb} {', '.join(map(repr, sorted(names)))}"
        for verb, names in kinds.items()
        if names
    ]
    raise ConflictError(
        f"The rollback {' and '.join(effects or ['would end what is loading'])}, and that was not "
        "confirmed. Use `dagstead release rollback`, which asks, or confirm it with --yes."
    )


def _nothing(plan: Rollback) -> str:
    if plan.undoes is None:
        return (
            f"What was live after release {plan.back_to} is live now: there is nothing to roll "
            "back."
        )
    if not plan.stays:
        return f"Release {plan.undoes} brought nothing: there is nothing to roll back."
    return (
        f"Nothing that release {plan.undoes} brought is live any more "
        f"({', '.join(map(repr, plan.stays))}): there is nothing to roll back. To return the whole "
        f"deployment to what was live after it: `dagstead release rollback {plan.undoes} "
        "--whole-deployment`."
    )
