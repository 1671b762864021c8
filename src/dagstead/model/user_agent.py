"""What our own client calls itself, so that the server knows that no agent is calling."""

from __future__ import annotations

from typing import Final

USER_AGENT: Final = "dagstead"
