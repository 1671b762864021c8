"""What is stored and what is removed, for our own command line."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from graphql import GraphQLResolveInfo

from dagstead.operator_api.context import context_of, facts_of
from dagstead.operator_api.extension import Resolver
from dagstead.operator_api.refusals import as_error
from dagstead.plane.storage import KindReport, StorageReport, StoredItem


@as_error
def storage(info: GraphQLResolveInfo) -> Mapping[str, Any]:
    """What is stored, why it is kept, and what the next sweep removes."""
    context = context_of(info)
    return _report(context.control.storage.report(context.actor, facts_of(info).retention))


@as_error
def sweep_storage(info: GraphQLResolveInfo) -> Mapping[str, Any]:
    """Remove it now."""
    context = context_of(info)
    return _report(context.control.storage.sweep(context.actor, facts_of(info).retention))


QUERIES: Mapping[str, Resolver] = {"storage": storage}
MUTATIONS: Mapping[str, Resolver] = {"sweepStorage": sweep_storage}


def _report(report: StorageReport) -> Mapping[str, Any]:
    return {
        "kinds": list(map(_kind, report.kinds)),
        "removable": list(map(_stored, report.removable)),
    }


def _kind(report: KindReport) -> Mapping[str, Any]:
    return {
        "kind": str(report.kind),
        "count": report.count,
        "size": report.size,
        "oldest": report.oldest,
        "kept": dict(report.kept),
        "removable": report.removable,
        "removableSize": report.removable_size,
    }


def _stored(stored: StoredItem) -> Mapping[str, Any]:
    return {
        "kind": str(stored.kind),
        "deployment": stored.deployment,
        "name": stored.name,
        "size": stored.size,
        "neededAt": stored.needed_at,
    }
