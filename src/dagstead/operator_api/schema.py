"""The whole schema: open-source Dagster's, with the control plane's fields added."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import resources
from itertools import chain

import graphene
from dagster_graphql.schema import create_schema as create_open_source_schema

from dagstead.operator_api import (
    administration,
    agent_tokens,
    agents,
    alerts,
    assets,
    deployments,
    events,
    launches,
    locations,
    problems,
    queues,
    reasons,
    releases,
    rights,
    secrets,
    settings,
    storage,
    terminations,
    trail,
    trail_pages,
    uploads,
    user_tokens,
)
from dagstead.operator_api.context import FACTS, ServerFacts
from dagstead.operator_api.extension import Resolver, extend

#: The files beside this module with the types and fields that are added: for official clients, for
#: Terraform, and for our own.
DEFINITIONS = (
    "operator.graphql",
    "terraform.graphql",
    "releases.graphql",
    "secrets.graphql",
    "administration.graphql",
    "queues.graphql",
    "alerts.graphql",
    "trail.graphql",
    "problems.graphql",
    "reasons.graphql",
)


def create_schema(facts: ServerFacts | None = None) -> graphene.Schema:
    """Make the schema that a deployment's web server serves.

    Args:
        facts: what every request of this server shares.
    """
    schema = create_open_source_schema()
    extended = extend(
        schema.graphql_schema,
        definitions(),
        queries=_joined(
            administration.QUERIES,
            agent_tokens.QUERIES,
            agents.QUERIES,
            alerts.QUERIES,
            deployments.QUERIES,
            locations.QUERIES,
            queues.QUERIES,
            problems.QUERIES,
            reasons.QUERIES,
            releases.QUERIES,
            secrets.QUERIES,
            settings.QUERIES,
            storage.QUERIES,
            uploads.QUERIES,
            trail_pages.QUERIES,
            user_tokens.QUERIES,
        ),
        mutations=_joined(
            administration.MUTATIONS,
            agent_tokens.MUTATIONS,
            alerts.MUTATIONS,
            deployments.MUTATIONS,
            events.MUTATIONS,
            locations.MUTATIONS,
            queues.MUTATIONS,
            releases.MUTATIONS,
            secrets.MUTATIONS,
            settings.MUTATIONS,
            storage.MUTATIONS,
            uploads.MUTATIONS,
            user_tokens.MUTATIONS,
        ),
        replaced_queries=_joined(assets.REPLACED_QUERIES, locations.REPLACED_QUERIES),
        wrapped_mutations={**launches.WRAPPED_MUTATIONS, **terminations.WRAPPED_MUTATIONS},
    )
    # Inside: who lacks the right has begun nothing.
    trail.record(extended)
    rights.guard(extended)
    extended.extensions = {FACTS: facts or ServerFacts()}
    schema.graphql_schema = extended
    return schema


def definitions() -> str:
    """The added types and fields, in GraphQL's language."""
    folder = resources.files("dagstead.operator_api")
    return "\n".join(folder.joinpath(file).read_text("utf-8") for file in DEFINITIONS)


def _joined(*resolvers: Mapping[str, Resolver]) -> Mapping[str, Resolver]:
    return dict(chain.from_iterable(group.items() for group in resolvers))
