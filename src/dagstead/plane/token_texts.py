"""The last part of a token's text, which secret scanners find, and which is checked as it stands.

It is ``dagstead_``, 33 random characters and 6 that follow from all before them: a CRC-32 of
``dagstead_`` and the random ones, in base 62. Tokens of earlier versions have 48 hexadecimal digits
instead, and nothing to check.
"""

from __future__ import annotations

import re
import secrets
import string
import zlib

PREFIX = "dagstead_"
_DIGITS = string.digits + string.ascii_uppercase + string.ascii_lowercase
#: 196 bits.
_RANDOM = 33
_CHECKED = 6

#: For secret scanners, and for what blanks tokens out; the documentation shows it.
PATTERN = rf"{PREFIX}[0-9A-Za-z]{{{_RANDOM + _CHECKED}}}"
_WHOLE = re.compile(PATTERN)


def new_part() -> str:
    """A new one."""
    body = PREFIX + "".join(secrets.choice(_DIGITS) for _ in range(_RANDOM))
    return body + _check(body)


def is_damaged(secret: str) -> bool:
    """Whether a token cannot be one of this version: it was cut off, altered or made up."""
    part = secret.rpartition(":")[2]
    if not part.startswith(PREFIX):
        return False
    return _WHOLE.fullmatch(part) is None or _check(part[:-_CHECKED]) != part[-_CHECKED:]


def _check(body: str) -> str:
    number, digits = zlib.crc32(body.encode()), ""
    for _ in range(_CHECKED):
        number, digit = divmod(number, len(_DIGITS))
        digits = _DIGITS[digit] + digits
    return digits
