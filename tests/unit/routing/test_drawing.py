"""The chart shows queues, agents, and what nobody runs."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from dagstead.model.agents import Agent, managed_pool
from dagstead.model.location import Kind
from dagstead.routing.drawing import as_mermaid
from dagstead.routing.routes import BRANCHES, Destination, RoutedLocation, routes

PROD = Destination(deployment="prod")
LINE = re.compile(
    r'flowchart LR|  \w+(?:\["[^"]*"\]|\(\["[^"]*"\]\)|\[\["[^"]*"\]\]|\(\("[^"]*"\)\))'
    r'|  \w+ --> \w+|  \w+ -- "[^"]*" --> \w+|  \w+ -\. "[^"]*" \.-> \w+|  style \w+ [\w:#,-]+'
)


def test_who_runs_what_is_drawn() -> None:
    locations = [
        RoutedLocation(name="weather", queue=None, kind=Kind.SERVERLESS),
        RoutedLocation(name="digits", queue="gpu", kind=Kind.HYBRID),
    ]

    chart = as_mermaid(routes(locations, [PROD, BRANCHES], [managed_pool()]))

    assert chart.splitlines() == [
        "flowchart LR",
        '  location0["weather<br/>serverless"]',
        '  location1["digits<br/>hybrid"]',
        '  queue0(["(default queue)"])',
        '  queue1(["gpu"])',
        '  agent0[["managed pool"]]',
        "  location0 --> queue0",
        "  location1 --> queue1",
        '  queue0 -- "prod, branch deployments" --> agent0',
        '  queue1 -- "prod, branch deployments" --> nobody',
        '  nobody(("nobody"))',
        "  style nobody stroke:#c00,stroke-width:3px",
    ]


def test_an_agent_that_refuses_is_dashed() -> None:
    picky = Agent(name="p", queues=frozenset({"gpu"}), allowed_full={"prod": frozenset()})
    chart = as_mermaid(routes([RoutedLocation(name="digits", queue="gpu")], [PROD], [picky]))
    assert '  location0 -. "refused in prod" .-> agent0' in chart


@given(name=st.text(min_size=1), queue=st.text(), agent=st.text())
def test_no_name_breaks_out_of_its_label(name: str, queue: str, agent: str) -> None:
    serving = Agent(name=agent, queues=frozenset({queue}))
    chart = as_mermaid(routes([RoutedLocation(name=name, queue=queue)], [PROD], [serving]))
    assert all(LINE.fullmatch(each) for each in chart.rstrip("\n").split("\n"))
