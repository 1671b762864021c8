"""Master keys: what the secrets of a control plane are encrypted with, and how keys are written."""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from dagstead.errors import MasterKeyError

_BYTES = 32
_HEX = re.compile(r"[0-9a-fA-F]{64}")
#: Between keys that are given in one text.
_BETWEEN = re.compile(r"[\s,]+")


@dataclass(frozen=True, slots=True)
class MasterKey:
    """A key of 256 bits. It never encrypts a secret itself, only the key that does."""

    material: bytes = field(repr=False)

    @property
    def id(self) -> str:
        """Names the key without giving it away."""
        return hashlib.sha256(b"dagstead master key\0" + self.material).hexdigest()[:16]

    @property
    def text(self) -> str:
        """As it is written in a file."""
        return self.material.hex()


@dataclass(frozen=True, kw_only=True, slots=True)
class KeyReport:
    """The master keys that encrypt what is stored."""

    current: str
    #: Where the keys come from.
    source: str
    #: How much each of them encrypts, by its id; the signing key counts, too.
    used: Mapping[str, int]


def new_master_key() -> MasterKey:
    """A new random key."""
    return MasterKey(secrets.token_bytes(_BYTES))


def read_master_keys(text: str, where: str) -> Sequence[MasterKey]:
    """The keys in a text, between spaces, commas or line ends; lines may have remarks after ``#``.

    Args:
        text: 64 hexadecimal digits per key, or the same 32 bytes in base64.
        where: the text is from, for the error.

    Raises:
        MasterKeyError: when something in it is not a key; it does not show the text.
    """
    lines = (line.partition("#")[0] for line in text.splitlines())
    words = [word for line in lines for word in _BETWEEN.split(line) if word]
    return [_read(word, number, where) for number, word in enumerate(words, start=1)]


def _read(word: str, number: int, where: str) -> MasterKey:
    if _HEX.fullmatch(word):
        return MasterKey(bytes.fromhex(word))
    try:
        material = base64.b64decode(word.replace("-", "+").replace("_", "/"), validate=True)
    except (binascii.Error, ValueError):
        material = b""
    if len(material) != _BYTES:
        msg = (
            f"Key {number} of {where} is not a master key: it must be {_BYTES} random bytes, as 64 "
            "hexadecimal digits or in base64. Make one with `openssl rand -hex 32`."
        )
        raise MasterKeyError(msg)
    return MasterKey(material)
