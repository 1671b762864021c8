"""Values that programs do not expect."""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable
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
    ways = [
        data[:at],
        data[:at] + bytes([random.randrange(256)]) + data[at + 1 :],
        data[:at] + b"\0" + data[at:],
        data[:at] + data[at // 2 :],
        data + data,
        data[:at] + rb"\u0000" + data[at:],
        data[at:],
    ]
    return random.choice(ways)


def packed(random: Random, data: bytes) -> bytes:
    """A file as agents send it, or nearly."""
    whole = zlib.compress(data)
    ways: list[Callable[[], bytes]] = [
        lambda: data,
        lambda: whole[: random.randrange(20)],
        lambda: whole + b"more",
        lambda: garbled(random, whole),
        lambda: zlib.compress(bytes([random.randrange(256)]) * 10_000_000),
    ]
    return random.choice([*ways, *[lambda: whole] * 3])()


def as_json(random: Random, read: Any) -> bytes:
    """JSON text, in one of the ways to write it."""
    is_ascii = random.random() < 0.7
    written = json.dumps(read, ensure_ascii=is_ascii)
    return written.encode("utf-8", "surrogatepass")
