"""The explicit word for what belongs to no single deployment.

What is stored for deployments is read and written for one of them, by its name. Whoever means all
of them has to say so: a call without either does not type-check, and a test walks the stores.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final


class Organization(StrEnum):
    """The whole organization. As the scope of a file's key it is written as ``_``."""

    ORGANIZATION = "_"


#: All deployments, or none.
ORGANIZATION: Final = Organization.ORGANIZATION
