"""Values that programs do not expect."""

from __future__ import annotations

import json
import zlib
from random import Random
from typing import Any

#: Things that exist, so that requests get further than "there is none".
NAMES = ["prod", "staging", "etl", "default", "x"]

TEXTS = [
    "",
    " ",
    "\0",
    "a\0b",
    "\ud800",
    "\U0001f600",
    "é\u202e\u0085",
    "\x1b]0;x\x07",
    "\r\nSet-Cookie: a=b",
    "../../etc/passwd",
    "..",
    "/",
    "a/b//c",
    "%00%0a",
    "' OR 1=1 --",
    "{}",
    "[]",
    "null",
    '["a"]',
    '{"__class__": "AssetKey", "path": ["a"]}',
    '{"__class__": "Nothing"}',
    '{"__class__": "DagsterRun", "run_id": 3}',
    "-1",
    "1e999",
    "NaN",
    "9" * 40,
    "x" * 300,
    "x" * 70_000,
    "[" * 3_000,
    "{" * 3_000,
    "00000000-0000-0000-0000-000000000000",
    "agent:dagstead:x",
    "*",
    "a:b:c",
    "2024-01-01",
    "9999-99-99",
    "${{ secrets.X }}",
    "<script>",
]
NUMBERS = [0, -1, 1, 2, 50, 2**31 - 1, 2**31, -(2**31), 2**53, 2**63, -(2**63), 10**30, 0.5, 1e308]
SCALARS: list[Any] = [None, True, False, *NUMBERS]


def text(random: Random) -> str:
    """A text, often of something that exists."""
    return random.choice(NAMES) if random.random() < 0.4 else random.choice(TEXTS)


def value(random: Random, depth: int = 0) -> Any:
    """Anything that JSON can say."""
    kind = random.random()
    if kind < 0.4 or depth > 3:
        return text(random)
    if kind < 0.7:
        return random.choice(SCALARS)
    if kind < 0.85:
        return [value(random, depth + 1) for _ in range(random.randrange(4))]
    return {text(random)[:100]: value(random, depth + 1) for _ in range(random.randrange(4))}


def garbled(random: Random, data: bytes) -> bytes:
    """The same bytes, damaged in some way."""
    if not data:
        return random.choice([b"\0", b"\xff\xfe", b"{", b"[" * 50_000])
    at = random.randrange(len(data))
    match random.randrange(7):
        case 0:
            return data[:at]
        case 1:
            return data[:at] + bytes([random.randrange(256)]) + data[at + 1 :]
        case 2:
            return data[:at] + b"\0" + data[at:]
        case 3:
            return data[:at] + data[at // 2 :]
        case 4:
            return data + data
        case 5:
            return data[:at] + rb"\u0000" + data[at:]
        case _:
            return data[at:]


def packed(random: Random, data: bytes) -> bytes:
    """A file as agents send it, or nearly."""
    match random.randrange(8):
        case 0:
            return data
        case 1:
            return zlib.compress(data)[: random.randrange(20)]
        case 2:
            return zlib.compress(data) + b"more"
        case 3:
            return garbled(random, zlib.compress(data))
        case 4:
            return zlib.compress(bytes([random.randrange(256)]) * 10_000_000)
        case _:
            return zlib.compress(data)


def as_json(random: Random, read: Any) -> bytes:
    """JSON text, in one of the ways to write it."""
    is_ascii = random.random() < 0.7
    written = json.dumps(read, ensure_ascii=is_ascii)
    return written.encode("utf-8", "surrogatepass")
