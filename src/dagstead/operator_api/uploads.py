"""Addresses for PEX files, and what the CLI asks about the managed pool."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from graphql import GraphQLResolveInfo

from dagstead.operator_api.context import context_of, facts_of
from dagstead.operator_api.extension import Resolver
from dagstead.operator_api.refusals import as_error


@as_error
def generate_serverless_pex_url(
    info: GraphQLResolveInfo, filenames: Sequence[str], method: str
) -> list[Mapping[str, Any]]:
    """Signed addresses to get or put PEX files, in the order of the names.

    A GET address of a missing file answers 404, which the CLI takes for "nothing cached".
    """
    context = context_of(info)
    address = context.control.files.pex_address
    base_url = context.base_url.rstrip("/")
    return [{"url": base_url + address(context.actor, name, method)} for name in filenames]


@as_error
def serverless(info: GraphQLResolveInfo) -> Mapping[str, Any]:
    """The registry of the pool's images; the CLI asks for it also when it builds PEX files."""
    return {
        "awsRegion": None,
        "awsAuthToken": None,
        "registryAllowCustomBase": False,
        # True would turn every PEX build into an image build.
        "registryIsHarbor": False,
        "registryUrl": facts_of(info).registry_url,
    }


@as_error
def stored_pex_files(info: GraphQLResolveInfo, filenames: Sequence[str]) -> list[str]:
    """Those of these PEX files that are stored."""
    context = context_of(info)
    return context.control.files.stored_pex_files(context.actor, filenames)


QUERIES: Mapping[str, Resolver] = {
    "serverless": serverless,
    "storedPexFiles": stored_pex_files,
}

MUTATIONS: Mapping[str, Resolver] = {"generateServerlessPexUrl": generate_serverless_pex_url}
