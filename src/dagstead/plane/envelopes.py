"""Envelopes: a value encrypted with a key of its own, which is encrypted with the master key.

Both are AES-256-GCM. A value is bound to its place: an envelope that was moved to another row, or
another name, cannot be opened there.
"""

from __future__ import annotations

import secrets
from base64 import b64decode, b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from dagstead.errors import DamagedSecretError
from dagstead.plane.master_keys import MasterKey

_NONCE_BYTES = 12
_KEY_BITS = 256
#: What the two ciphertexts of an envelope are, so that they cannot change places either.
_OF_KEY, _OF_VALUE = b"dagstead key 1\0", b"dagstead value 1\0"


@dataclass(frozen=True, kw_only=True, slots=True)
class Envelope:
    """An encrypted value, as it is stored."""

    #: Of the master key that opens it.
    key: str
    #: Its own key, encrypted with the master key.
    wrapped: bytes
    sealed: bytes

    def to_json(self) -> dict[str, str]:
        """As a column has it."""
        return {
            "key": self.key,
            "wrapped": b64encode(self.wrapped).decode(),
            "sealed": b64encode(self.sealed).decode(),
        }

    @classmethod
    def of_json(cls, found: Mapping[str, Any]) -> Envelope:
        """From a column."""
        return cls(
            key=found["key"],
            wrapped=b64decode(found["wrapped"]),
            sealed=b64decode(found["sealed"]),
        )


def seal(value: bytes, place: bytes, master: MasterKey) -> Envelope:
    """Encrypt a value for a place.

    Args:
        value: to encrypt.
        place: where it belongs; it is not encrypted, and needed to open the envelope.
        master: the master key.
    """
    own = AESGCM.generate_key(_KEY_BITS)
    return Envelope(
        key=master.id,
        wrapped=_encrypt(master.material, own, _OF_KEY + place),
        sealed=_encrypt(own, value, _OF_VALUE + place),
    )


def unseal(envelope: Envelope, place: bytes, master: MasterKey) -> bytes:
    """The value of an envelope.

    Raises:
        DamagedSecretError: when it was altered, or belongs to another place or another key.
    """
    return _decrypt(_own_key(envelope, place, master), envelope.sealed, _OF_VALUE + place)


def rewrap(envelope: Envelope, place: bytes, old: MasterKey, new: MasterKey) -> Envelope:
    """The same envelope for another master key.

    Raises:
        DamagedSecretError: as :func:`unseal`; the value itself is not looked at.
    """
    own = _own_key(envelope, place, old)
    return Envelope(
        key=new.id,
        wrapped=_encrypt(new.material, own, _OF_KEY + place),
        sealed=envelope.sealed,
    )


def _own_key(envelope: Envelope, place: bytes, master: MasterKey) -> bytes:
    return _decrypt(master.material, envelope.wrapped, _OF_KEY + place)


def _encrypt(key: bytes, value: bytes, bound: bytes) -> bytes:
    nonce = secrets.token_bytes(_NONCE_BYTES)
    return nonce + AESGCM(key).encrypt(nonce, value, bound)


def _decrypt(key: bytes, sealed: bytes, bound: bytes) -> bytes:
    try:
        return AESGCM(key).decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], bound)
    except (InvalidTag, ValueError) as error:
        raise DamagedSecretError from error
