"""Agents and locations for hypothesis, from few names so that they meet."""

from __future__ import annotations

from hypothesis import strategies as st

from dagstead.model.agents import Agent, AgentKind
from dagstead.routing.routes import BRANCHES, Destination, RoutedLocation

NAMES = st.sampled_from(["digits", "weather", "train"])
DEPLOYMENTS = st.sampled_from(["prod", "staging"])
QUEUES = st.one_of(st.none(), st.sampled_from(["gpu", "eu", "hybrid-queue", ""]))
TARGETS = st.one_of(st.just(BRANCHES), st.builds(Destination, deployment=DEPLOYMENTS))
LOCATIONS = st.builds(RoutedLocation, name=NAMES, queue=QUEUES)
ALLOWED = st.one_of(st.none(), st.frozensets(NAMES))
AGENTS = st.builds(
    Agent,
    name=st.sampled_from(["a", "b", "c"]),
    kind=st.sampled_from(AgentKind),
    queues=st.frozensets(QUEUES),
    deployments=st.one_of(st.none(), st.frozensets(DEPLOYMENTS)),
    branch_deployments=st.booleans(),
    allowed_full=st.one_of(
        st.none(), st.dictionaries(DEPLOYMENTS, st.frozensets(NAMES), max_size=2)
    ),
    allowed_branch=ALLOWED,
)
AGENT_LISTS = st.lists(AGENTS, max_size=5)
