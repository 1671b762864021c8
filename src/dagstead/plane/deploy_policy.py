"""What deployed documents may ask for: registries, agent queues and keys of container_context.

A policy is a section ``deploy_policy`` of settings, the organization's and a deployment's. All that
apply must be met, so that a deployment's can only add to the organization's.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

from dagstead.model.queues import describe_queue
from dagstead.plane.container_keys import ContainerKey, keys_of
from dagstead.plane.image_names import is_below
from dagstead.plane.locations import NewLocation

SECTION = "deploy_policy"
#: The parts of a policy for those whose code or token somebody else has not looked at.
BRANCHES = "branch_deployments"
TOKENS = "location_tokens"

#: What nobody needs who only runs Python, and what makes a container the machine that it is on.
_OF_BRANCHES = ("host",)
#: Besides, whose rights the code has: a token of some locations is not to take those of others.
_OF_TOKENS = ("host", "identity")


@dataclass(frozen=True, kw_only=True, slots=True)
class Wish:
    """What a document asks for."""

    location: str
    #: ``None`` is the default queue.
    queue: str | None
    image: str | None = None
    container_context: Mapping[str, Any] | None = None

    @classmethod
    def of(cls, location: NewLocation) -> Self:
        """From a location that is being deployed."""
        return cls(location=location.name, queue=location.queue, **_of_document(location.document))


@dataclass(frozen=True, kw_only=True, slots=True)
class Precedent:
    """What is live of a location, or is loading."""

    queues: frozenset[str | None]
    keys: frozenset[ContainerKey]

    @classmethod
    def of(cls, queues: frozenset[str | None], documents: Sequence[Mapping[str, Any]]) -> Self:
        """From the documents that were deployed."""
        contexts = [_of_document(each)["container_context"] for each in documents]
        return cls(queues=queues, keys=frozenset(key for each in contexts for key in keys_of(each)))


@dataclass(frozen=True, kw_only=True, slots=True)
class Rule:
    """Bounds from one place. ``None`` bounds nothing."""

    #: The place, such as ``deploy_policy.branch_deployments``.
    place: str
    #: Whose settings have it; ``None`` is the organization's.
    deployment: str | None = None
    registries: tuple[str, ...] | None = None
    queues: frozenset[str | None] | None = None
    allowed: tuple[str, ...] | None = None
    denied: tuple[str, ...] = ()
    #: Whether it holds because nobody has set another one. What is live already goes on then.
    is_default: bool = False

    @classmethod
    def read(cls, section: Mapping[str, Any], place: str, deployment: str | None) -> Self:
        """From a section of settings that was checked when it was set."""
        keys = section.get("container_context") or {}
        registries, queues, allowed = (
            section.get("registries"),
            section.get("queues"),
            keys.get("allowed"),
        )
        return cls(
            place=place,
            deployment=deployment,
            registries=None if registries is None else tuple(registries),
            queues=None if queues is None else frozenset(queues),
            allowed=None if allowed is None else tuple(allowed),
            denied=tuple(keys.get("denied") or ()),
        )

    def objections(self, wish: Wish, precedent: Precedent | None) -> Iterator[str]:
        """A clause for everything that a document asks for and this does not allow.

        Args:
            wish: what it asks for.
            precedent: what is live of the location; ``None`` if nothing is.
        """
        yield from self._about_keys(wish, precedent if self.is_default else None)
        for where, image in _images(wish):
            if self.registries is not None and not any(
                is_below(image, each) for each in self.registries
            ):
                listed = ", ".join(self.registries) or "none"
                yield f"{where} is {_shown(image)}, and {self.place}.registries has: {listed}"
        if self.queues is not None and wish.queue not in self.queues:
            listed = ", ".join(map(describe_queue, sorted(self.queues, key=str))) or "none"
            asked = describe_queue(wish.queue)
            yield f"agent_queue is {asked}, and {self.place}.queues has: {listed}"

    def _about_keys(self, wish: Wish, precedent: Precedent | None) -> Iterator[str]:
        refused: ContainerKey | None = None
        for key in keys_of(wish.container_context or {}):
            if (refused is not None and key.is_in(refused)) or (
                precedent is not None and key in precedent.keys
            ):
                continue
            reason = self._against(key)
            if reason is not None:
                refused = key
                yield (
                    f"container_context.{key.shown} is {_shown(key.value)}, and {self.place}."
                    f"container_context {reason}"
                )

    def _against(self, key: ContainerKey) -> str | None:
        for pattern in self.denied:
            if key.is_denied_by(pattern):
                return f"denies {pattern!r}"
        if self.allowed is None or not key.is_leaf or any(map(key.is_allowed_by, self.allowed)):
            return None
        return f"allows only: {', '.join(self.allowed) or 'nothing'}"

    @property
    def advice(self) -> str:
        """Who can change it, and how."""
        how = (
            "`dagster-cloud organization settings set-from-file`"
            if self.deployment is None
            else f"`dagstead deployment settings {self.deployment} --set-from FILE`"
        )
        default = " It is the default." if self.is_default else ""
        return f"{default} Whoever has a token for all deployments can change that with {how}."


@dataclass(frozen=True, kw_only=True, slots=True)
class DeployPolicy:
    """All rules for one deploy."""

    rules: tuple[Rule, ...]

    @classmethod
    def of(
        cls,
        organization: Mapping[str, Any],
        *,
        deployment: str,
        settings: Mapping[str, Any],
        is_branch: bool,
        is_of_locations: bool,
    ) -> Self:
        """The rules for a deploy.

        Args:
            organization: the organization's settings.
            deployment: the name of the deployment.
            settings: the deployment's.
            is_branch: whether it is a branch deployment.
            is_of_locations: whether the token that deploys is limited to locations.
        """
        parts = [*([BRANCHES] if is_branch else []), *([TOKENS] if is_of_locations else [])]
        rules: list[Rule] = []
        given: set[str] = set()
        for owner, of_owner in ((None, organization), (deployment, settings)):
            section = of_owner.get(SECTION) or {}
            rules.append(Rule.read(section, SECTION, owner))
            for part in parts:
                if (section.get(part) or {}).get("container_context") is not None:
                    given.add(part)
                rules.append(Rule.read(section.get(part) or {}, f"{SECTION}.{part}", owner))
        defaults = {BRANCHES: _OF_BRANCHES, TOKENS: _OF_TOKENS}
        rules += [
            Rule(place=f"{SECTION}.{part}", denied=defaults[part], is_default=True)
            for part in parts
            # Nothing is live in a branch deployment at first: there the other default is enough.
            if part not in given and not (part == TOKENS and is_branch)
        ]
        return cls(rules=tuple(rules))

    @property
    def bounds_queues(self) -> bool:
        """Whether a rule says which queues may be used."""
        return any(rule.queues is not None for rule in self.rules)

    def refusals(
        self, wish: Wish, precedent: Precedent | None = None, *, keeps_queue: bool = False
    ) -> list[str]:
        """A sentence for everything that a document asks for and is not allowed.

        Args:
            wish: what it asks for.
            precedent: what is live of the location; ``None`` if nothing is.
            keeps_queue: whether the location stays on its queue where no rule is about queues.
        """
        found = [
            f"Location {wish.location!r}: {objection}.{rule.advice}"
            for rule in self.rules
            for objection in rule.objections(wish, precedent)
        ]
        if (
            keeps_queue
            and precedent is not None
            and not self.bounds_queues
            and wish.queue not in precedent.queues
        ):
            rule = Rule(place=f"{SECTION}.{TOKENS}", queues=precedent.queues, is_default=True)
            alone = Wish(location=wish.location, queue=wish.queue)
            found += [
                f"Location {wish.location!r}: {objection}.{rule.advice}"
                for objection in rule.objections(alone, None)
            ]
        return found


def _images(wish: Wish) -> Iterator[tuple[str, str]]:
    """The images that a document names, with their places."""
    if wish.image is not None:
        yield "image", wish.image
    for key in keys_of(wish.container_context or {}):
        if key.names_image and isinstance(key.value, str):
            yield f"container_context.{key.shown}", key.value


def _of_document(document: Mapping[str, Any]) -> dict[str, Any]:
    context = document.get("container_context")
    return {
        "image": document.get("image"),
        "container_context": context if isinstance(context, Mapping) else {},
    }


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 80 else text[:77] + "..."  # noqa: PLR2004 - a line for people
