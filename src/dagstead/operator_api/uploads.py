"""Addresses for PEX files, and what the CLI asks about the serverless pool."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from graphql import GraphQLResolveInfo

from dagstead.errors import InvalidInputError
from dagstead.operator_api.context import context_of, facts_of
from dagstead.operator_api.extension import Resolver
from dagstead.operator_api.refusals import as_error
from dagstead.plane.blobs import ORGANIZATION, BlobKey, BlobKind


@as_error
def generate_serverless_pex_url(
    info: GraphQLResolveInfo, filenames: Sequence[str], method: str
) -> list[Mapping[str, Any]]:
    """Signed addresses to get or put PEX files, in the order of the names.

    A GET address of a missing file answers 404, which the CLI takes for "nothing cached".
    """
    context = context_of(info)
    base = context.base_url.rstrip("/")
    return [{"url": base + context.store.blobs.sign(_key(name), method)} for name in filenames]


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


QUERIES: Mapping[str, Resolver] = {"serverless": serverless}

MUTATIONS: Mapping[str, Resolver] = {"generateServerlessPexUrl": generate_serverless_pex_url}


def _key(name: str) -> BlobKey:
    if "/" in name:
        msg = f"{name[:80]!r} is no file name: it has a '/'."
        raise InvalidInputError(msg)
    return BlobKey(BlobKind.PEX, ORGANIZATION, name)
