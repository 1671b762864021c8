"""A secret that a run has used is nowhere: not in what is stored, logged, or shown of processes."""

from __future__ import annotations

import pytest

from tests.support.pool_promises.planted_secret import *

pytestmark = [pytest.mark.containers, pytest.mark.thorough]
