"""Reads the settings of one agent out of nodes, and collects what there is to say about them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from dagstead.model.agents import Agent
from dagstead.model.nodes import Node, NodeKind, kind_of
from dagstead.routing.remarks import Remark, Weight


@dataclass(frozen=True, kw_only=True, slots=True)
class AgentScan:
    """Agents that files define, and what there is to say about the files."""

    agents: tuple[Agent, ...] = ()
    remarks: tuple[Remark, ...] = ()

    def __add__(self, other: AgentScan) -> AgentScan:
        return AgentScan(agents=self.agents + other.agents, remarks=self.remarks + other.remarks)


@dataclass(kw_only=True, slots=True)
class SettingsReader:
    """The settings of one agent. ``refused`` is set when the software does not take them."""

    #: What becomes of the agent when a value has the wrong form: ends a sentence.
    consequence: str
    remarks: list[Remark] = field(default_factory=list)
    refused: bool = False

    def refuse(self, node: Node, message: str, advice: str) -> None:
        """A value that the software refuses: there is no such agent then."""
        self.refused = True
        self.remarks.append(
            Remark(
                name="agent-refused",
                weight=Weight.ERROR,
                message=f"{message}: {self.consequence}",
                advice=advice,
                position=node.position,
            )
        )

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

    def flag(self, node: Node | None, what: str, *, default: bool) -> bool:
        """True or false; the default where nothing is written."""
        if node is None:
            return default
        if isinstance(node.value, bool):
            return node.value
        if self.is_unknown(node, what, f"taken as {str(default).lower()}"):
            return default
        self.refuse(
            node, f"{what} is {kind_of(node)}, not true or false", "Write true or false, unquoted"
        )
        return default

    def names(self, node: Node | None, what: str) -> frozenset[str]:
        """The texts of a list; none where nothing is written."""
        if node is None:
            return frozenset()
        if not node.is_sequence:
            self.refuse(node, f"{what} is {kind_of(node)}, not a list", "Write a list of names")
            return frozenset()
        read = (self.name(each, f"an item of {what}") for each in node.items)
        # The empty text is kept: it is the name of a queue that no location should have.
        return frozenset(each for each in read if each is not None)

    def name(self, node: Node, what: str) -> str | None:
        """A text, ``None`` where it cannot be known."""
        if self.is_unknown(node, what, "left out"):
            return None
        if node.text is not None:
            return node.text
        self.refuse(node, f"{what} is {kind_of(node)}, not text", "Write a name, in quotes")
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

    def is_unknown(self, node: Node, what: str, taken: str) -> bool:
        """Whether a value is in a variable, of the agent or of a script; that is said then."""
        variable = node.get("env")
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
