"""How much of the machine one code server or one run may have."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from dagstead.errors import UnservableLocationError

#: The entry of a location's container context with its limits.
CONTEXT = "dagstead_pool"
#: What a location chooses there besides: whether a process may import its code ahead of a run.
_WARM = "warm"
_MIB = 1 << 20
_MORE_MEMORY = (
    f"Raise `memory_mb` in `container_context: {CONTEXT}`, or the pool's setting `pool_memory_mb`."
)
_NO_MEMORY = "the machine had run out of memory."


@dataclass(frozen=True, kw_only=True, slots=True)
class ProcessLimits:
    """The limits of a process with all that it starts; ``None`` is none."""

    memory_mb: int | None = None
    #: Processes and threads together, as the kernel counts them.
    processes: int | None = None
    #: How many processors' time it gets.
    cpus: float | None = None

    @property
    def memory(self) -> int | None:
        """The memory in bytes."""
        return None if self.memory_mb is None else self.memory_mb * _MIB

    def words(self) -> str:
        """The limits in words, empty without any."""
        return ", ".join(
            text
            for text, value in (
                (f"{self.memory_mb} MiB of memory", self.memory_mb),
                (f"{self.processes} processes and threads", self.processes),
                (f"{self.cpus:g} processors" if self.cpus else "", self.cpus),
            )
            if value
        )

    def had_memory(self, megabytes: int) -> str:
        """Why whatever had so much memory was ended; goes on after its name."""
        return (
            f"it had {megabytes} MiB of memory, and its limit is {self.memory_mb} MiB. "
            f"{_MORE_MEMORY}"
        )

    def needed_memory(self) -> str:
        """Why the kernel ended what had these limits, for want of memory."""
        if self.memory_mb is None:
            return _NO_MEMORY
        return f"it needed more memory than its limit, {self.memory_mb} MiB. {_MORE_MEMORY}"

    def perhaps_memory(self) -> str:
        """Why somebody most likely killed what had these limits."""
        if self.memory_mb is None:
            return f"Most often {_NO_MEMORY}"
        return (
            f"Most often it needed more memory than its limit, {self.memory_mb} MiB, or "
            f"{_NO_MEMORY} {_MORE_MEMORY}"
        )

    def as_json(self) -> dict[str, Any]:
        """The same for a file."""
        return asdict(self)

    def chosen_by(self, context: Mapping[str, Any] | None) -> ProcessLimits:
        """The limits of a location, which may choose less than these in its container context.

        Raises:
            UnservableLocationError: it asks for more, or for what a pool does not know.
        """
        chosen = (context or {}).get(CONTEXT)
        if chosen is None:
            return self
        known = {*asdict(self), _WARM}
        if not isinstance(chosen, Mapping) or not chosen.keys() <= known:
            raise _refused(f"{chosen!r} has to be a mapping of {', '.join(sorted(known))}")
        may_be_warm(context)
        return ProcessLimits(
            **{name: self._chosen(name, chosen.get(name)) for name in asdict(self)}
        )

    def _chosen(self, name: str, wanted: object) -> Any:
        most = getattr(self, name)
        if wanted is None:
            return most
        numbers = int | float if name == "cpus" else int
        if not isinstance(wanted, numbers) or isinstance(wanted, bool) or wanted <= 0:
            raise _refused(f"{name}: {wanted!r} is not a number above 0")
        if most is not None and wanted > most:
            raise _refused(f"{name}: {wanted} is more than {most}, which is the most on this pool")
        return wanted


def may_be_warm(context: Mapping[str, Any] | None) -> bool:
    """Whether a process may import the code of a location ahead of its runs.

    Raises:
        UnservableLocationError: the location says neither yes nor no.
    """
    chosen = (context or {}).get(CONTEXT)
    wanted = chosen.get(_WARM, True) if isinstance(chosen, Mapping) else True
    if not isinstance(wanted, bool):
        raise _refused(f"{_WARM}: {wanted!r} has to be true or false")
    return wanted


def _refused(reason: str) -> UnservableLocationError:
    return UnservableLocationError(
        f"What `container_context: {CONTEXT}` asks for cannot be had: {reason}. Correct it in the "
        "location's configuration and deploy again, or raise the pool's settings."
    )
