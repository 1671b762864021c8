"""The certificates that a server must show to a command."""

from __future__ import annotations

import ssl
from functools import cache
from urllib.request import getproxies

import httpx


def certificates_for(url: str) -> ssl.SSLContext:
    """What a connection to ``url`` trusts.

    Reading the certificates takes as long as many a command, so that it is done once, and not at
    all where neither the server nor a proxy shows any.
    """
    shown = [url, *getproxies().values()]
    if any(each.lower().startswith("https:") for each in shown):
        return _known_certificates()
    # It trusts nobody: should a connection be encrypted after all, it fails.
    return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


@cache
def _known_certificates() -> ssl.SSLContext:
    return httpx.create_ssl_context()
