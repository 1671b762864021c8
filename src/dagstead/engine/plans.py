"""The execution plans of a location, kept as long as its definitions serve.

Every launch asks for one, and its code makes the same one for the same question.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from dataclasses import dataclass, field

from dagster._core.snap.execution_plan_snapshot import (
    ExecutionPlanSnapshot,
    ExecutionPlanSnapshotErrorData,
)
from dagster._grpc.types import ExecutionPlanSnapshotArgs
from dagster._serdes import deserialize_value, serialize_value
from dagster_shared.record import copy

#: Plans of a location, and how many characters may be in one.
_KEPT = 32
_MOST_CHARACTERS = 256 * 1024


@dataclass(frozen=True, slots=True)
class Plans:
    """Keeps the plans that were asked for last. Safe to use from several threads."""

    _kept: OrderedDict[str, str] = field(default_factory=OrderedDict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def known(self, args: ExecutionPlanSnapshotArgs) -> str | None:
        """What the location's code has answered to the same question before."""
        question = _question(args)
        with self._lock:
            if question is None or question not in self._kept:
                return None
            self._kept.move_to_end(question)
            return self._kept[question]

    def keep(self, args: ExecutionPlanSnapshotArgs, answer: str) -> None:
        """Keep an answer, if it is a plan.

        What a refusal complains of may change, such as a variable of the environment.
        """
        question = _question(args)
        if question is None or len(answer) > _MOST_CHARACTERS or not _is_plan(answer):
            return
        with self._lock:
            self._kept[question] = answer
            while len(self._kept) > _KEPT:
                self._kept.popitem(last=False)


def _question(args: ExecutionPlanSnapshotArgs) -> str | None:
    """What the answer depends on; ``None`` where it is about another run: nobody asks twice."""
    if args.known_state is not None:
        return None
    return serialize_value(copy(args, instance_ref=None))


def _is_plan(answer: str) -> bool:
    kinds = (ExecutionPlanSnapshot, ExecutionPlanSnapshotErrorData)
    return isinstance(deserialize_value(answer, kinds), ExecutionPlanSnapshot)
