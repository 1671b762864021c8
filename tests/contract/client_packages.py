"""Where the source of the official command lines is."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

from tests.contract.documents import Document, documents_of

#: The official command line clients and what they are made of.
CLIENT_PACKAGES = ("dagster_cloud_cli", "dagster_dg_cli", "dagster_rest_resources")


def client_documents() -> list[Document]:
    """Every operation of the installed official clients."""
    return [document for package in CLIENT_PACKAGES for document in documents_of(_folder(package))]


def _folder(package: str) -> Path:
    spec = find_spec(package)
    assert spec is not None
    assert spec.origin is not None
    return Path(spec.origin).parent
