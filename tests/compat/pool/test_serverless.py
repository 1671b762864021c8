"""PEX locations in a whole control plane: they load, run, end and survive."""

from __future__ import annotations

import pytest

from tests.support.pool_promises.serverless import *

pytestmark = pytest.mark.compat
