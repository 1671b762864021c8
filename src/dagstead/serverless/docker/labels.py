"""Labels on what a pool makes in Docker: by them it is found, and cleaned up."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

#: On everything: the name of the pool.
POOL = "dagstead.pool"
#: On containers: whose code they run, and the number of their token.
DEPLOYMENT = "dagstead.deployment"
LOCATION = "dagstead.location"
TOKEN = "dagstead.token"  # noqa: S105 - the name of a label
#: On containers of code servers, as the official launcher has it.
SERVER = "dagster_grpc_server"
#: On containers of runs: the run, as the official launcher has it, and which launch of it.
RUN = "dagster/run_id"
LAUNCH = "dagstead.launch"
#: On images: the PEX file that was put into it.
PEX = "dagstead.pex"
#: On what is left of the steps of a build, and in no image.
STAGE = "dagstead.stage"


def wanted(pool: str, labels: Iterable[str] = ()) -> dict[str, list[str]]:
    """A filter for what a pool has made.

    Args:
        pool: its name.
        labels: that have to be there, with their values as ``name=value``, or without.
    """
    return {"label": [f"{POOL}={pool}", *labels]}
