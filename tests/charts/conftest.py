"""One Helm and one fake cluster for the tests of a module."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.fake_kubernetes import FakeKubernetes
from tests.support.helm import Helm


@pytest.fixture(scope="module")
def cluster() -> Iterator[FakeKubernetes]:
    with FakeKubernetes() as running:
        yield running


@pytest.fixture(scope="module")
def helm(cluster: FakeKubernetes, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Helm]:
    with Helm(cluster, tmp_path_factory.mktemp("helm")) as running:
        yield running
