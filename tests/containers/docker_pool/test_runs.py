"""What runs of PEX locations are given, print and store, and which code they run."""

from __future__ import annotations

import pytest

from tests.support.pool_promises.runs import *

pytestmark = [pytest.mark.containers, pytest.mark.thorough]
