"""Why a location does not serve its newest deploy, decided on what is known of it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from shlex import quote

from dagstead.model.queues import name_queue
from dagstead.model.words import sentence
from dagstead.plane.code_servers import ServerState
from dagstead.plane.location_status import Condition, Facts, LocationStatus, status_of
from dagstead.plane.locations import LoadState
from dagstead.plane.reasons import Mend, Reason, ReasonCode, WaitStep, written
from dagstead.plane.why_facts import QueueWork, RequestBrief

#: How Docker, Kubernetes and ECS say that an image cannot be had.
_IMAGE_ERRORS = re.compile(
    r"ImagePullBackOff|ErrImagePull|ErrImageNeverPull|InvalidImageName|CannotPullContainer"
    r"|pull access denied|manifest (?:for \S+ )?(?:not found|unknown)|No such image"
    r"|repository does not exist|failed to resolve reference|ImageNotFound"
    r"|error pulling image|toomanyrequests",
    re.IGNORECASE,
)
#: Of the text of somebody else.
_MOST_SHOWN = 300


@dataclass(frozen=True, kw_only=True, slots=True)
class LocationFacts:
    """What is known of a location."""

    of: Facts
    work: QueueWork
    #: The lines of its load error, the innermost first, if it has one.
    errors: Sequence[str] = ()
    #: The check for deploys that its agents have not answered.
    check: RequestBrief | None = None


def image_error(text: str) -> str | None:
    """The part of an error that says that an image cannot be pulled; ``None`` if none does."""
    found = _IMAGE_ERRORS.search(text)
    if found is None:
        return None
    start = max(text.rfind("\n", 0, found.start()) + 1, found.start() - _MOST_SHOWN // 2)
    end = text.find("\n", found.end())
    line = text[start : len(text) if end < 0 else end]
    return " ".join(line.split())[:_MOST_SHOWN]


def why_location(facts: LocationFacts) -> Reason:
    """Why a location is not live, with the chain from the location."""
    status = status_of(facts.of)
    location, deployment = facts.of.location, facts.work.deployment
    if deployment.closed:
        reason = Reason(
            code=ReasonCode.DEPLOYMENT_CLOSED,
            about=deployment.name,
            says=f"Deployment {deployment.name!r} is closed: its locations are not served.",
            mend=Mend(says="Deploy the branch again to open it."),
        )
    else:
        reason = _by_condition(facts, status)
    if not reason.is_waiting:
        return reason
    first = WaitStep(
        code=reason.code,
        says=f"Location {location.name!r} of deployment {deployment.name!r} is {_state(status)}.",
        since=status.since or location.updated_at,
    )
    if status.condition is not Condition.UNSERVED:
        return reason.after(first)
    queue = WaitStep(code=reason.code, says=f"It is on {name_queue(facts.work.queue)}.")
    return reason.after(first, queue)


def _state(status: LocationStatus) -> str:
    return "not served" if status.condition is Condition.UNSERVED else str(status)


def _by_condition(facts: LocationFacts, status: LocationStatus) -> Reason:
    match status.condition:
        case Condition.UNSERVED:
            return facts.work.absence or Reason(
                code=ReasonCode.UNSERVED_QUEUE,
                says=sentence(status.reason or "Nobody serves it"),
                since=status.since,
            )
        case Condition.LOADING:
            return _loading(facts, status)
        case Condition.LIVE:
            return Reason(
                code=ReasonCode.LIVE,
                says=f"It does not wait: what was deployed at "
                f"{written(facts.of.location.timestamp)} serves.",
                since=facts.of.location.updated_at,
            )
        case _:
            return _in_error(facts, status)


def _loading(facts: LocationFacts, status: LocationStatus) -> Reason:
    location, work = facts.of.location, facts.work
    since = location.updated_at
    if location.state is LoadState.LOADED and location.open_release is not None:
        return Reason(
            code=ReasonCode.WAITS_FOR_RELEASE,
            about=str(location.open_release),
            says=f"Its definitions have loaded, and go live with the other locations of release "
            f"{location.open_release}.",
            since=since,
            mend=Mend(
                says="Look at the others.",
                command=f"dagstead release show {location.open_release} "
                f"--deployment {quote(location.deployment)}",
            ),
        )
    taker = work.taker
    if taker is not None and taker.image_error is not None:
        return _image(taker.image_error, since)
    if status.reason is None and facts.check is not None:
        return Reason(
            code=ReasonCode.WAITS_FOR_AGENT,
            says=f"{work.servers or 'Its agent'} is alive and has not looked for the deploy yet.",
            since=facts.check.created_at,
            mend=Mend(says="The agent's own log says what it does.", command="dagstead agent list"),
        )
    return Reason(
        code=ReasonCode.SERVER_STARTING,
        says=f"{work.servers or 'Its agent'} is starting its code server since {written(since)}: "
        "an image is pulled, or its definitions are imported.",
        since=since,
        mend=Mend(
            says="The agent's log, `docker ps --all` or `kubectl get pods` say how far it is.",
            command="dagstead agent list",
        ),
    )


def _in_error(facts: LocationFacts, status: LocationStatus) -> Reason:
    location = facts.of.location
    since = status.since or location.updated_at
    failed = next(
        (one.error for one in facts.of.servers if one.state is ServerState.FAILED and one.error),
        None,
    )
    said = next(iter(facts.errors), None) or status.reason or location.notice or failed
    # Docker's client says what it wanted in the error around that of HTTP.
    for text in (*facts.errors, status.reason, failed):
        line = None if text is None else image_error(text)
        if line is not None:
            return _image(line, since)
    retry = "" if status.next_at is None else f" The next try is at {written(status.next_at)}."
    if location.refused is not None and location.state is not LoadState.FAILED:
        # It had loaded: that its code cannot be loaded again is known when the try has failed.
        return Reason(
            code=ReasonCode.SERVER_AWAY,
            says=f"{sentence(location.refused.reason[:_MOST_SHOWN])}{retry}",
            since=location.refused.at,
            mend=Mend(
                says="Its agents start it again by themselves; the agent's log says why it ended.",
                command="dagstead agent list",
            ),
        )
    serves = "" if status.serves is None else f" {str(status.serves).capitalize()} serves."
    return Reason(
        code=ReasonCode.LOAD_ERROR,
        says=f"Its code cannot be loaded: {sentence((said or 'see its error')[:_MOST_SHOWN])}"
        f"{serves}{retry}",
        since=since,
        mend=Mend(
            says="Mend the code and deploy again, in the folder of its repository.",
            command=f"dagstead deploy --location {quote(location.name)} "
            f"--deployment {quote(location.deployment)}",
        ),
    )


def _image(line: str, since: float) -> Reason:
    return Reason(
        code=ReasonCode.IMAGE_PULL,
        says=f"Its agent cannot pull its image: {sentence(line)}",
        since=since,
        mend=Mend(says="See that the image exists and that the agent may pull it."),
    )
