"""Addresses for PEX files, and what the CLI asks about the managed pool."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping, Sequence
from typing import Any

from graphql import GraphQLResolveInfo

from dagstead.operator_api.context import context_of, facts_of
from dagstead.operator_api.extension import Resolver
from dagstead.operator_api.refusals import as_error

#: The name to log in with; who it is, the password says.
_USER = "dagstead"
#: What the CLI builds is named as the registry is: ``docker build`` refuses this name at once, and
#: says it. Without a token the CLI pushes nothing.
_HOW_TO_GET_ONE = (
    "(no registry: this installation takes PEX files only, build with "
    "--build-strategy=python-executable; or its administrator sets registry_url)"
)
_NO_REGISTRY: Mapping[str, Any] = {
    "awsRegion": None,
    "awsAuthToken": None,
    "registryAllowCustomBase": False,
    "registryIsHarbor": False,
}


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
    """The registry of the pool's images, and a login for it, in the form of ECR.

    The CLI also asks when it builds PEX files, so that having no registry is no error.
    """
    context, registry = context_of(info), facts_of(info).registry
    if registry is None:
        return {**_NO_REGISTRY, "registryUrl": _HOW_TO_GET_ONE}
    login = context.control.images.login(context.actor, context.deployment)
    return {
        "awsRegion": None,
        "awsAuthToken": b64encode(f"{_USER}:{login.password}".encode()).decode(),
        "registryAllowCustomBase": True,
        # True turns every PEX build into an image build.
        "registryIsHarbor": registry.pex_images,
        "registryUrl": f"{registry.host}/{login.repository}",
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
