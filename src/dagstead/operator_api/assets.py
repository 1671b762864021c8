"""Assets: one open-source field answers less than the CLI expects of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from dagster import AssetKey
from dagster_graphql.implementation.fetch_assets import get_assets
from dagster_graphql.implementation.utils import capture_error
from dagster_graphql.schema.pipelines.pipeline import GrapheneAssetRecord
from dagster_graphql.schema.roots.assets import GrapheneAssetRecordConnection

from dagstead.operator_api.extension import Resolver


@capture_error
def asset_records(
    info: Any,
    prefix: Sequence[str] | None = None,
    cursor: str | None = None,
    limit: int | None = None,
) -> GrapheneAssetRecordConnection:
    """All assets, including those that were never materialized.

    Open-source Dagster leaves these out, and ``dg api asset list`` starts from this field, so that
    it would show nothing of a fresh deployment.
    """
    found: Any = get_assets(info, prefix=prefix, cursor=cursor, limit=limit)
    keys = [AssetKey(node.key.path) for node in found.nodes]
    return GrapheneAssetRecordConnection(
        assets=[GrapheneAssetRecord(id=key.to_string(), key=key) for key in keys],
        cursor=found.cursor,
    )


REPLACED_QUERIES: Mapping[str, Resolver] = {"assetRecordsOrError": asset_records}
