"""The public keys of CI providers: fetched when they are needed, and kept for an hour."""

from __future__ import annotations

import logging
import ssl
import threading
import time
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import httpx
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from dagstead.errors import BusyError, InvalidInputError, IssuerError
from dagstead.plane.clock import Clock
from dagstead.plane.trust import check_issuer

logger = logging.getLogger(__name__)

_DISCOVERY = "/.well-known/openid-configuration"
_KEPT_SECONDS = 3600.0
#: An unknown key may be new, or made up: an issuer is not asked more often than this.
_AGAIN_SECONDS = 60.0
_TIMEOUT_SECONDS = 10.0
#: A failure is remembered, so that an issuer that is silent keeps nobody waiting again and again.
_FAILED_SECONDS = 30.0
#: For the keys of one issuer, at one time.
MOST_WAITING = 8
_MOST_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class _FetchedKeys:
    keys: KeySet
    at: float


@dataclass(slots=True)
class _Issuer:
    """What is known of one issuer. Only one thread asks it, and only a few wait for that one."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    waiting: int = 0
    fetched: _FetchedKeys | None = None
    failed: IssuerError | None = None
    failed_at: float = 0.0

    def usable(self, key_id: str | None, now: float) -> KeySet | None:
        """The keys, unless they have to be fetched again.

        Raises:
            IssuerError: when that has failed a moment ago.
        """
        known = self.fetched
        if known and now - known.at < _KEPT_SECONDS and _has(known.keys, key_id):
            return known.keys
        if known and now - known.at < _AGAIN_SECONDS:
            return known.keys
        if self.failed is not None and now - self.failed_at < _FAILED_SECONDS:
            raise IssuerError(self.failed.message) from self.failed
        return None


@dataclass(frozen=True, kw_only=True, slots=True)
class IssuerKeys:
    """Keys by issuer. Only issuers of trust policies may be asked for."""

    clock: Clock
    #: Whether keys may come from this machine without TLS.
    loopback: bool = False
    _issuers: dict[str, _Issuer] = field(default_factory=dict)

    def of(self, issuer: str, key_id: str | None) -> KeySet:
        """The keys of an issuer, fetched again when none of them is the one that is wanted.

        Raises:
            IssuerError: when they cannot be fetched.
            BusyError: when many are waiting for them.
        """
        known = self._issuers.setdefault(issuer, _Issuer())
        usable = known.usable(key_id, self.clock())
        return usable or self._fetched(known, issuer, key_id)

    def _fetched(self, known: _Issuer, issuer: str, key_id: str | None) -> KeySet:
        if known.waiting >= MOST_WAITING:
            msg = f"Many logins wait for the keys of {issuer}. Try again in a few seconds."
            raise BusyError(msg)
        known.waiting += 1
        try:
            with known.lock:
                # Another thread may have fetched them, or failed to, meanwhile.
                usable = known.usable(key_id, self.clock())
                return usable or self._fetch_into(known, issuer)
        finally:
            known.waiting -= 1

    def _fetch_into(self, known: _Issuer, issuer: str) -> KeySet:
        try:
            keys = self._fetch(issuer)
        except IssuerError as error:
            known.failed, known.failed_at = error, self.clock()
            raise
        known.fetched, known.failed = _FetchedKeys(keys, self.clock()), None
        return keys

    def _fetch(self, issuer: str) -> KeySet:
        try:
            with httpx.Client(
                timeout=_TIMEOUT_SECONDS, follow_redirects=False, verify=_certificates()
            ) as http:
                about = _json(http, issuer + _DISCOVERY)
                _require_same(about.get("issuer"), issuer)
                address = check_issuer(str(about.get("jwks_uri")), loopback=self.loopback)
                keys = _keys(_json(http, address), address)
        except (httpx.HTTPError, IssuerError, InvalidInputError, ValueError) as error:
            msg = (
                f"The keys of {issuer} could not be fetched: {error}. The control plane must reach "
                f"{issuer}{_DISCOVERY} and the address that it names."
            )
            raise IssuerError(msg) from error
        logger.info("Fetched %d keys of %s", len(keys.keys), issuer)
        return keys


@cache
def _certificates() -> ssl.SSLContext:
    """Reading them takes longer than to fetch the keys."""
    return httpx.create_ssl_context()


def _require_same(said: object, issuer: str) -> None:
    if said != issuer:
        msg = f"it says that it is {said!r}"
        raise IssuerError(msg)


def _json(http: httpx.Client, address: str) -> dict[str, Any]:
    # The client's own limit is for every piece that arrives.
    end = time.monotonic() + _TIMEOUT_SECONDS
    with http.stream("GET", address, headers={"Accept": "application/json"}) as response:
        response.raise_for_status()
        data = b""
        for piece in response.iter_bytes():
            data += piece
            if len(data) > _MOST_BYTES:
                msg = f"{address} answers with more than {_MOST_BYTES} bytes"
                raise IssuerError(msg)
            if time.monotonic() > end:
                msg = f"{address} took longer than {_TIMEOUT_SECONDS:g} seconds to answer"
                raise IssuerError(msg)
    found = httpx.Response(200, content=data).json()
    if not isinstance(found, dict):
        msg = f"{address} does not answer with an object"
        raise IssuerError(msg)
    return found


def _keys(document: dict[str, Any], address: str) -> KeySet:
    try:
        return KeySet.import_key_set(document)  # type: ignore[arg-type]
    except (JoseError, KeyError, TypeError, AttributeError, ValueError) as error:
        msg = f"{address} does not answer with keys"
        raise IssuerError(msg) from error


def _has(keys: KeySet, key_id: str | None) -> bool:
    return key_id is None or any(key.kid == key_id for key in keys.keys)
