"""What user code finds around it, wherever it is started.

The load check of a build, the pool's code servers and its run workers all start user code: what one
of them gives, the others give too, or a build promises what does not hold.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

#: Between the folders of ``PATH``: user code runs on Linux, and is built for it.
_SEPARATOR = ":"


def with_programs(base: Mapping[str, str], folders: Iterable[str]) -> dict[str, str]:
    """The variables of user code: ``base``, with its dependencies' programs found first.

    Libraries start programs that came with them, such as dbt. The official runtime has their
    folders in front, too (``dagster_cloud.pex.grpc.server.registry``).

    Args:
        base: what the machine gives.
        folders: the ``bin`` of each environment, in the order in which its packages are found.
    """
    given = base.get("PATH")
    path = _SEPARATOR.join([*folders, *([given] if given else [])])
    return {**base, "PATH": path}
