"""What Dagster+ offers and this control plane does not, refused with a sentence.

The documents of these commands name dozens of types that do not exist here: without this they
would be answered with a list of validation errors.
"""

from __future__ import annotations

from collections.abc import Mapping

from graphql import DocumentNode, FieldNode, OperationDefinitionNode

_ATLAN = "The Atlan integration is not offered by this control plane."
_INSIGHTS = "Insights metrics are not offered by this control plane."
_ISSUES = "Issues are not offered by this control plane."

#: The sentences by root field.
NOT_OFFERED: Mapping[str, str] = {
    "addLinkToIssue": _ISSUES,
    "atlanIntegration": _ATLAN,
    "createIssue": _ISSUES,
    "deleteAtlanIntegrationSettings": _ATLAN,
    "issue": _ISSUES,
    "issues": _ISSUES,
    "metricTypesForAsset": _INSIGHTS,
    "metricTypesForDeployment": _INSIGHTS,
    "metricTypesForJob": _INSIGHTS,
    "metricTypesForSpecificAsset": _INSIGHTS,
    "metricTypesForSpecificJob": _INSIGHTS,
    "removeLinkFromIssue": _ISSUES,
    "reportingMetricsByAsset": _INSIGHTS,
    "reportingMetricsByAssetSelection": _INSIGHTS,
    "reportingMetricsByDeployment": _INSIGHTS,
    "reportingMetricsByJob": _INSIGHTS,
    "setAtlanIntegrationSettings": _ATLAN,
    "updateIssue": _ISSUES,
}


def refusal(document: DocumentNode) -> str | None:
    """Why a GraphQL document is not answered; ``None`` when it may be."""
    for operation in document.definitions:
        if isinstance(operation, OperationDefinitionNode):
            for field in operation.selection_set.selections:
                if isinstance(field, FieldNode) and field.name.value in NOT_OFFERED:
                    return NOT_OFFERED[field.name.value]
    return None
