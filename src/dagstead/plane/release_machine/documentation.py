"""The tables of the release machine, as ``docs/architecture.md`` has them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from dagstead.plane.release_machine.transitions import ARRIVALS, ENDINGS, PART_TRANSITIONS
from dagstead.plane.releases import PartState

BEGIN = "<!-- Made from the code by `make reference`: the release machine -->\n"
END = "<!-- The end of the release machine -->\n"


def with_release_tables(page: str) -> str:
    """A page with the text between its two marks replaced by the current tables.

    Raises:
        ValueError: when the page lacks one of the marks, or has them in the wrong order.
    """
    before, begin, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        msg = f"The page needs the lines {BEGIN.strip()!r} and {END.strip()!r}, in this order."
        raise ValueError(msg)
    return f"{before}{BEGIN}\n{_tables()}\n{END}{after}"


def _tables() -> str:
    sections = {
        "A location of an open release. What is not listed changes nothing.": _parts(),
        "A release that is loading.": _endings(),
        "Definitions that arrive for a location that is in no open release.": _arrivals(),
    }
    return "\n".join(f"{text}\n\n{table}" for text, table in sections.items())


def _parts() -> str:
    return _table(
        ("transition", "from", "when", "to", "the location"),
        (
            (
                transition.name,
                ", ".join(f"`{state}`" for state in PartState if state in transition.sources),
                transition.event,
                f"`{transition.target}`",
                transition.effect,
            )
            for transition in PART_TRANSITIONS
        ),
    )


def _endings() -> str:
    return _table(
        ("transition", "when", "to", "removes what it is to remove"),
        (
            (ending.name, ending.when, f"`{ending.state}`", _yes(ending.removes))
            for ending in ENDINGS
        ),
    )


def _arrivals() -> str:
    return _table(
        ("transition", "the location was", "the definitions serve", "error and notice are cleared"),
        (
            (arrival.name, arrival.standing, _yes(arrival.serves), _yes(arrival.clears))
            for arrival in ARRIVALS
        ),
    )


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def _yes(value: bool) -> str:  # noqa: FBT001 - that is all it is about
    return "yes" if value else "no"
