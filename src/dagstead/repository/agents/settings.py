"""Reads the settings of one agent from nodes, and collects remarks about them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from dagstead.model.agents import Agent
from dagstead.model.nodes import Node, NodeKind, kind_of
from dagstead.model.queues import is_default_by_name
from dagstead.repository.agents.scan import AgentScan, Mistake, Slip
from dagstead.routing.remarks import Remark, Weight


@dataclass(kw_only=True, slots=True)
class SettingsReader:
    """The settings of one agent. ``refused`` is set when the software does not take them."""

    #: What becomes of the agent when a value has the wrong form: ends a sentence.
    consequence: str
    remarks: list[Remark] = field(default_factory=list)
    slips: list[Slip] = field(default_factory=list)
    refused: bool = False

    def scanned(self, agent: Agent) -> AgentScan:
        """The agent, when the software takes its settings, and what was collected."""
        return AgentScan(
            agents=() if self.refused else (agent,),
            remarks=tuple(self.remarks),
            slips=tuple(self.slips),
        )

    def slip(self, mistake: Mistake | None, node: Node, message: str, advice: str) -> None:
        """Note that queues are written so that they do not take effect."""
        if mistake is not None:
            self.slips.append(
                Slip(mistake=mistake, message=message, advice=advice, position=node.position)
            )

    def refuse(
        self, node: Node, message: str, advice: str, *, mistake: Mistake | None = None
    ) -> None:
        """A value that the software refuses: there is no such agent then."""
        self.refused = True
        self.slip(mistake, node, message, advice)
        self.remarks.append(
            Remark(
                name="agent-refused",
                weight=Weight.ERROR,
                message=f"{message}: {self.consequence}",
                advice=advice,
                position=node.position,
            )
        )

    def ignored(self, node: Node, message: str, advice: str, mistake: Mistake) -> None:
        """A way to write queues that the software does not read."""
        self.slip(mistake, node, message, advice)
        self.warn("queues-ignored", node, message, advice)

    def warn(self, name: str, node: Node, message: str, advice: str) -> None:
        """Something that works otherwise than it seems."""
        self.remarks.append(
            Remark(
                name=name,
                weight=Weight.WARNING,
                message=message,
                advice=advice,
                position=node.position,
            )
        )

    def note(self, name: str, node: Node, message: str, advice: str = "") -> None:
        """Something that had to be taken for granted."""
        self.remarks.append(
            Remark(
                name=name,
                weight=Weight.NOTE,
                message=message,
                advice=advice,
                position=node.position,
            )
        )

    def flag(
        self, node: Node | None, what: str, *, default: bool, mistake: Mistake | None = None
    ) -> bool:
        """True or false; the default where nothing is written.

        ``mistake`` is what another value is, of a setting of queues; those are never taken from the
        environment of the agent.
        """
        if node is None:
            return default
        if isinstance(node.value, bool):
            return node.value
        if self.is_unknown(node, what, f"taken as {str(default).lower()}", of_queues=bool(mistake)):
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
            if item.is_null or is_default_by_name(item.text):
                self.slip(
                    Mistake.DEFAULT_BY_NAME,
                    item,
                    f"{item.value!r} is a queue of that name, not the default queue",
                    "Remove it, and set include_default_queue (includeDefaultQueue)",
                )
        return self.names(node, what, mistake)

    def names(self, node: Node | None, what: str, mistake: Mistake | None = None) -> frozenset[str]:
        """The texts of a list; none where nothing is written."""
        if node is None:
            return frozenset()
        if not node.is_sequence:
            message = f"{what} is {kind_of(node)}, not a list"
            self.refuse(node, message, "Write a list of names", mistake=mistake)
            return frozenset()
        read = (self.name(each, f"an item of {what}", mistake) for each in node.items)
        # The empty text is kept: it is the name of a queue that no location should have.
        return frozenset(each for each in read if each is not None)

    def name(self, node: Node, what: str, mistake: Mistake | None = None) -> str | None:
        """A text, ``None`` where it cannot be known."""
        if self.is_unknown(node, what, "left out", of_queues=mistake is not None):
            return None
        if node.text is not None:
            return node.text
        # Of an item without a value it is said already that it does not name the default queue.
        shown = None if node.is_null else mistake
        message = f"{what} is {kind_of(node)}, not text"
        self.refuse(node, message, "Write a name, in quotes", mistake=shown)
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
        return {
            str(each.key.value): self.names(each.value, f"{what}.{each.key.value}")
            for each in node.entries
        }

    def allowed(self, node: Node | None, what: str) -> frozenset[str] | None:
        """A list of names that limits; ``None`` where nothing is written."""
        return None if node is None or node.is_null else self.names(node, what)

    def is_unknown(self, node: Node, what: str, taken: str, *, of_queues: bool = False) -> bool:
        """Whether a value is in a variable, of the agent or of a script; that is said then."""
        variable = None if of_queues else node.get("env")
        if variable is not None:
            held = f"in the environment variable {variable.value}"
        elif node.kind is NodeKind.BROKEN:
            held = str(node.value)
        else:
            return False
        self.note(
            "unknown-value",
            node,
            f"{what} is {held}, whose value is not known here; it is {taken}",
            "Describe the agent in agents.yaml",
        )
        return True

    def queues(self, *, default: bool, named: frozenset[str]) -> frozenset[str | None]:
        """The set that an agent asks for."""
        return frozenset({*named, *({None} if default else ())})
