"""Code servers of branch deployments stop when nobody asks for them, and start with a request."""

from __future__ import annotations

import pytest

from tests.support.pool_promises.branch_servers import *

pytestmark = [pytest.mark.containers, pytest.mark.thorough]
