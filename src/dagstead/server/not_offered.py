"""Addresses of Dagster+ that this control plane does not offer, refused with a sentence.

What official clients ask for by GraphQL is refused by the surface that answers them.
"""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from dagstead.errors import NotOfferedError
from dagstead.server.replies import sentence, status_of

_INSIGHTS = "Insights are not offered by this control plane."
_SINGLE_SIGN_ON = (
    "SAML single sign-on is not offered by this control plane. People sign in at /sign-in with a "
    "user token: create one with `dagstead token create --kind user`."
)

#: The sentence for each path.
NOT_OFFERED_PATHS: Mapping[str, str] = {
    "/gen_insights_url": _INSIGHTS,
    "/gen_io_storage_url": (
        "Storage for serverless_io_manager is not offered by this control plane. Give the assets "
        "another I/O manager, such as fs_io_manager."
    ),
    "/remove_idp_metadata": _SINGLE_SIGN_ON,
    "/upload_idp_metadata": _SINGLE_SIGN_ON,
    "/upload_logs": (
        "Uploading logs to this address is not offered by this control plane. Agents of 1.11 and "
        "newer ask /gen_logs_url for another one: upgrade the agent."
    ),
}

#: Where official clients take every text but SUCCESS for a failure and print it. With another
#: status than 200 they would print the status alone.
_PRINTED_WITH_STATUS_200 = frozenset({"/upload_idp_metadata"})


def not_offered_routes() -> list[Route]:
    """A route for every address. A token of any kind is enough to read the sentence."""
    return [Route(path, _refuse, methods=["GET", "POST"]) for path in NOT_OFFERED_PATHS]


async def _refuse(request: Request) -> Response:
    path = request.url.path
    status = HTTPStatus.OK if path in _PRINTED_WITH_STATUS_200 else status_of(NotOfferedError)
    return sentence(NOT_OFFERED_PATHS[path], status, request.scope)
