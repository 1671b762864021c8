"""The kinds of files of a repository that say something about code locations and agents."""

from __future__ import annotations

from enum import StrEnum


class Family(StrEnum):
    """The kinds of files that say something about code locations and agents."""

    #: ``dagster_cloud.yaml`` and its variants.
    CLOUD = "dagster_cloud"
    #: ``dg.toml``; or ``pyproject.toml`` with ``[tool.dg]``, a workspace of uv, or our settings.
    DG = "dg"
    #: dg's ``build.yaml``.
    DG_BUILD = "dg build"
    #: dg's ``container_context.yaml``.
    DG_CONTEXT = "dg container context"
    #: An agent's ``dagster.yaml``.
    AGENT = "agent"
    #: Values of the agent's Helm chart.
    HELM = "helm values"
    #: ``Chart.yaml`` of an agent's Helm chart itself: the values beside it are its defaults.
    CHART = "helm chart"
    #: Another tool's file that installs an agent: Argo CD, Flux, Terraform, CloudFormation, …
    INSTALLATION = "installation"
    #: Agents in a form of our own, ``agents.yaml``.
    AGENTS = "agents"
    #: A workflow of GitHub Actions or a GitLab pipeline.
    WORKFLOW = "workflow"
    #: Scripts, compose files, environments: searched as text.
    TEXT = "text"
    #: Markdown that shows how an agent is installed. What it says need not be in force.
    DOCUMENT = "document"
