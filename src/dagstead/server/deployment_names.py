"""The one deployment name that has a meaning of its own."""

from __future__ import annotations

#: Made at the first start, shown first, and stands for the organization in questions that name no
#: deployment.
PREFERRED_DEPLOYMENT = "prod"
