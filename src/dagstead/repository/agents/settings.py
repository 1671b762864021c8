"""Reads the settings of one agent from nodes, and collects remarks about them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from dagstead.model.agents import Agent, Setting
from dagstead.model.nodes import Node, kind_of
from dagstead.model.queues import is_default_by_name
from dagstead.repository.agents.placeholders import held_in
from dagstead.repository.agents.scan import AgentScan, Mistake, Slip
from dagstead.routing.remarks import Remark, Weight

_DEFAULT_ADVICE = "Remove it, and set include_default_queue (includeDefaultQueue)"


@dataclass(kw_only=True, slots=True)
class SettingsReader:
    """The settings of one agent. ``refused`` is set when the software does not take them."""

    #: What becomes of the agent when a value has the wrong form: ends a sentence.
    consequence: str
    #: What a wrong value of a setting that has no rule of its own is.
    otherwise: Mistake = Mistake.REFUSED
    remarks: list[Remark] = field(default_factory=list)
    slips: list[Slip] = field(default_factory=list)
    refused: bool = False
    #: The settings that are not known, and why.
    unknown: dict[Setting, str] = field(default_factory=dict)

    def scanned(self, agent: Agent) -> AgentScan:
        """The agent, and what was collected."""
        known = agent if not self.unknown else _without(agent, self.unknown)
        return AgentScan(
            agents=(known if not self.refused else _broken(known),),
            remarks=tuple(self.remarks),
            slips=tuple(self.slips),
        )

    def slip(self, mistake: Mistake, node: Node, message: str, advice: str) -> None:
        """Note that a setting is written so that it does not take effect."""
        self.slips.append(
            Slip(mistake=mistake, message=message, advice=advice, position=node.position)
        )

    def refuse(
        self,
        node: Node,
        message: str,
        advice: str,
        *,
        mistake: Mistake | None = None,
        consequence: str = "",
    ) -> None:
        """A value that the software refuses: the agent does not start then."""
        self.refused = True
        mistake = mistake or self.otherwise
        self.slip(mistake, node, message, advice)
        self.remarks.append(
            Remark(
                name="agent-refused",
                weight=Weight.ERROR,
                message=f"{message}: {consequence or self.consequence}",
                advice=advice,
                position=node.position,
                code=str(mistake),
            )
        )

    def ignored(self, node: Node, message: str, advice: str, mistake: Mistake) -> None:
        """A way to write queues that the software does not read."""
        self.slip(mistake, node, message, advice)
        self.remarks.append(
            Remark(
                name="queues-ignored",
                weight=Weight.ERROR,
                message=message,
                advice=advice,
                position=node.position,
                code=str(mistake),
            )
        )

    def flag(
        self,
        node: Node | None,
        what: str,
        *,
        default: bool,
        setting: Setting | None = None,
        mistake: Mistake | None = None,
    ) -> bool:
        """True or false; the default where nothing is written.

        ``mistake`` is what another value is, of a setting of queues; those are never taken from the
        environment of the agent.
        """
        if node is None:
            return default
        if isinstance(node.value, bool):
            return node.value
        if self.is_unknown(node, what, setting, of_queues=mistake is not None):
            return default
        self.refuse(
            node,
            f"{what} is {kind_of(node)}, not true or false",
            "Write true or false, unquoted",
            mistake=mistake,
        )
        return default

    def queue_names(self, node: Node | None, what: str, mistake: Mistake) -> frozenset[str]:
        """The names of queues; one that looks like the default queue is a queue of that name."""
        for item in () if node is None else node.items:
            if not item.is_null and is_default_by_name(item.text):
                message = f"{item.value!r} is a queue of that name, not the default queue"
                self.ignored(item, message, _DEFAULT_ADVICE, Mistake.DEFAULT_BY_NAME)
        return self.names(node, what, mistake, setting=Setting.QUEUES)

    def names(
        self,
        node: Node | None,
        what: str,
        mistake: Mistake | None = None,
        *,
        setting: Setting | None = None,
    ) -> frozenset[str]:
        """The texts of a list; none where nothing is written."""
        if node is None or self.is_unknown(node, what, setting, of_queues=mistake is not None):
            return frozenset()
        if not node.is_sequence:
            message = f"{what} is {kind_of(node)}, not a list"
            self.refuse(node, message, "Write a list of names", mistake=mistake)
            return frozenset()
        read = (
            self.name(each, f"an item of {what}", mistake, setting=setting) for each in node.items
        )
        # The empty text is kept: it is the name of a queue that no location should have.
        return frozenset(each for each in read if each is not None)

    def name(
        self,
        node: Node,
        what: str,
        mistake: Mistake | None = None,
        *,
        setting: Setting | None = None,
    ) -> str | None:
        """A text, ``None`` where it cannot be known."""
        if self.is_unknown(node, what, setting, of_queues=mistake is not None):
            return None
        if node.text is not None:
            return node.text
        message, advice = f"{what} is {kind_of(node)}, not text", "Write a name, in quotes"
        # Somebody may have meant the default queue.
        meant = _DEFAULT_ADVICE if node.is_null and mistake is not None else advice
        self.refuse(node, message, meant, mistake=mistake)
        return None

    def by_deployment(self, node: Node | None, what: str) -> Mapping[str, frozenset[str]] | None:
        """Lists of names by deployment; ``None`` where nothing is written."""
        if node is None or node.is_null:
            return None
        if not node.is_mapping:
            self.refuse(
                node,
                f"{what} is {kind_of(node)}, not a mapping",
                "Write a list of locations below the name of each deployment",
            )
            return None
        lists = {
            str(each.key.value): self.allowed(each.value, f"{what}.{each.key.value}")
            for each in node.entries
        }
        return {name: names for name, names in lists.items() if names is not None}

    def allowed(self, node: Node | None, what: str) -> frozenset[str] | None:
        """A list of names that limits; ``None`` where nothing is written, or not all is known."""
        if node is None or node.is_null:
            return None
        names = self.names(node, what)
        return None if len(names) < len(set(node.plain() or ())) else names

    def is_unknown(
        self, node: Node, what: str, setting: Setting | None, *, of_queues: bool = False
    ) -> bool:
        """Whether a value is in a variable, of the agent or of a tool; the setting is then, too."""
        held = held_in(node, env=not of_queues)
        if held is None:
            return False
        if setting is not None:
            place = node.position
            self.unknown[setting] = f"{place.file}:{place.line} takes {what} from {held}"
        else:
            self.remarks.append(
                Remark(
                    name="unknown-value",
                    weight=Weight.NOTE,
                    message=f"{what} is in {held.removeprefix('the ')}, whose value is not known "
                    "here; it is taken to leave nothing out",
                    advice="Describe the agent in agents.yaml",
                    position=node.position,
                )
            )
        return True

    def queues(self, *, default: bool, named: frozenset[str]) -> frozenset[str | None]:
        """The set that an agent asks for."""
        known = default and Setting.DEFAULT_QUEUE not in self.unknown
        return frozenset({*named, *({None} if known else ())})


def _without(agent: Agent, unknown: Mapping[Setting, str]) -> Agent:
    return replace(
        agent,
        unknown=agent.unknown | frozenset(unknown),
        unknown_because=" and ".join(
            dict.fromkeys(filter(None, [agent.unknown_because, *unknown.values()]))
        ),
    )


def _broken(agent: Agent) -> Agent:
    return replace(agent, starts=False)
