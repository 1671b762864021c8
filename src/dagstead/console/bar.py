"""The bar above the Dagster UI: where one is, what is wrong, and the way to the console."""

from __future__ import annotations

import re
from dataclasses import dataclass

from starlette.requests import Request

from dagstead.console.calls import Services
from dagstead.control.actor import Actor
from dagstead.plane.tokens import Token

_NONCE = re.compile(r'nonce="([^"]+)"')
_BODY = re.compile(r"<body[^>]*>")
_ICON = re.compile(r'<link rel="icon"[^>]*>')


@dataclass(frozen=True, slots=True)
class Bar:
    """Puts it into pages of the UI."""

    services: Services

    def dressed(self, request: Request, deployment: str, page: str) -> str:
        """A page of the UI of a deployment, with the bar.

        Args:
            request: asks for the page.
            deployment: whose UI it is.
            page: as the UI has made it; what is no such page stays as it is.
        """
        nonce, body = _NONCE.search(page), _BODY.search(page)
        if nonce is None or body is None:
            return page
        token: Token = request.state.token
        granted = self.services.control.deployments.granted(Actor.holding(token))
        here = next((each for each in granted if each.name == deployment), None)
        bar = self.services.renderer.piece(
            "bar.html",
            nonce=nonce[1],
            chosen=deployment,
            called=deployment if here is None else here.called,
            full=[each for each in granted if not each.is_branch],
            person=token.name,
        )
        icon = self.services.renderer.assets.address("mark.svg")
        before, after = page[: body.end()], page[body.end() :]
        ours = f'<link rel="icon" type="image/svg+xml" href="{icon}">'
        return _ICON.sub("", before).replace("</head>", f"{ours}</head>") + bar + after
