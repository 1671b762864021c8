"""Addresses for PEX files, and what the CLI asks about the serverless pool."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from graphql import GraphQLResolveInfo

from dagstead.errors import InvalidInputError
from dagstead.operator_api.context import Context, context_of, facts_of
from dagstead.operator_api.extension import Resolver
from dagstead.operator_api.refusals import as_error
from dagstead.plane.blobs import ORGANIZATION, BlobKey, BlobKind


@as_error
def generate_serverless_pex_url(
    info: GraphQLResolveInfo, filenames: Sequence[str], method: str
) -> list[Mapping[str, Any]]:
    """Signed addresses to get or put PEX files, in the order of the names.

    A GET address of a missing file answers 404, which the CLI takes for "nothing cached". A name
    without an address is skipped by the CLI.
    """
    context = context_of(info)
    return [{"url": _address(context, name, method)} for name in filenames]


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
    blobs = context_of(info).store.blobs
    wanted = [name for name in filenames if name.endswith(".pex") and "/" not in name]
    keys = {name: BlobKey(BlobKind.PEX, ORGANIZATION, name) for name in wanted}
    return [name for name, key in keys.items() if blobs.size(key) is not None]


QUERIES: Mapping[str, Resolver] = {
    "serverless": serverless,
    "storedPexFiles": stored_pex_files,
}

MUTATIONS: Mapping[str, Resolver] = {"generateServerlessPexUrl": generate_serverless_pex_url}


def _address(context: Context, name: str, method: str) -> str | None:
    """The address, if the token may do that with the file.

    The CLI asks without saying for which deployment, so PEX files are of all of them. A token that
    is limited to some deployments must therefore not change what others run: it cannot replace a
    PEX file, whose name has its content's hash, and has a cache of its own.
    """
    if "/" in name:
        msg = f"{name[:80]!r} is no file name: it has a '/'."
        raise InvalidInputError(msg)
    token = context.token
    limited = token is None or token.deployments is not None
    is_pex = name.endswith(".pex")
    scope = f"token-{token.id if token else 0}" if limited and not is_pex else ORGANIZATION
    key = BlobKey(BlobKind.PEX, scope, name)
    if limited and method == "PUT" and context.store.blobs.size(key) is not None and is_pex:
        return None
    return context.base_url.rstrip("/") + context.store.blobs.sign(key, method)
