"""What a browser sends with its requests, and how it signs in."""

from __future__ import annotations

from collections.abc import Mapping

import httpx

from dagstead.server.sessions import COOKIE

#: Arguments of Chromium. As root it needs the first; the others keep it from calling its maker's
#: hosts.
CHROMIUM = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)

#: A person follows a link, on any site.
OPENED = {
    "accept": "text/html,application/xhtml+xml;q=0.9,*/*;q=0.8",
    "sec-fetch-site": "cross-site",
    "sec-fetch-mode": "navigate",
    "sec-fetch-dest": "document",
    "sec-fetch-user": "?1",
}


def own_page(client: httpx.Client) -> dict[str, str]:
    """What a browser says of a request from one of the server's pages."""
    return {
        "origin": str(client.base_url).rstrip("/"),
        "sec-fetch-site": "same-origin",
        "sec-fetch-mode": "cors",
        "sec-fetch-dest": "empty",
    }


def sign_in(client: httpx.Client, secret: str) -> Mapping[str, str]:
    """Sign in with a token; what the browser sends of it from now on."""
    answer = client.post("/sign-in", data={"token": secret}, headers=own_page(client))
    assert answer.status_code == 303, answer.text
    return {"cookie": f"{COOKIE}={client.cookies[COOKIE]}"}
