"""Code of a real location tries on a real control plane what its token is good for."""

from __future__ import annotations

import pytest

from tests.support.pool_promises.worker_tokens import *

pytestmark = [pytest.mark.containers, pytest.mark.thorough]
