"""What :mod:`.enter` is told to do."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path

#: The program that puts up the walls.
ENTER = Path(__file__).with_name("enter.py")
#: It runs in this interpreter, as nothing of user code may be loaded before the walls stand.
_INTERPRETER = Path(os.path.realpath(sys.executable))


def interpreter() -> Path:
    """The interpreter that runs it."""
    return _INTERPRETER


@dataclass(frozen=True, kw_only=True, slots=True)
class Order:
    """The walls to put up, and the program behind them."""

    argv: Sequence[str]
    #: All variables of the program.
    environment: Mapping[str, str]
    folder: str | None = None
    #: Files to write the number of the process into: its cgroups.
    cgroups: Sequence[str] = ()
    #: ProcessLimits by the names that ``resource`` has for them.
    limits: Mapping[str, int] = field(default_factory=dict)
    #: How much sooner than others the kernel ends it when memory runs out, up to 1000.
    likely_victim: int = 0
    #: The number of its user and of its group; ``None`` is this process's own.
    user: int | None = None
    groups: Sequence[int] = ()
    drop_capabilities: bool = False
    umask: int = -1
    niceness: int = 0
    no_new_privileges: bool = True
    #: Descriptors of Landlock's ruleset and of the filter for system calls.
    ruleset: int | None = None
    filter: int | None = None
    #: Whether the program waits for another one, and leaves interrupts to that.
    waits: bool = False


@contextmanager
def carried_out(order: Order) -> Iterator[tuple[list[str], int]]:
    """The command that carries out an order, and the descriptor to hand on to it."""
    descriptor = os.memfd_create("order", os.MFD_CLOEXEC)
    try:
        os.write(descriptor, json.dumps(asdict(order)).encode())
        yield [str(interpreter()), "-I", "-S", str(ENTER), str(descriptor)], descriptor
    finally:
        os.close(descriptor)
