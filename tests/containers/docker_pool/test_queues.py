"""Queues hold runs of real deployments: by a limit over all of them, and by a pause."""

from __future__ import annotations

import pytest

from tests.support.pool_promises.queues import *

pytestmark = [pytest.mark.containers, pytest.mark.thorough]
