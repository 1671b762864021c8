"""Faults that people met: what nobody can know from the files was said to be wrong."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.corpus.repository import PACKAGE, Repository, repository_of
from tests.support.git import git

_MIXED = {
    "dagster_cloud.yaml": """
        locations:
          - location_name: surge
            code_source: {module_name: surge.definitions}
            build: {directory: ./surge, registry: registry.example.com/surge}
            agent_queue: north
          - location_name: tides
            code_source: {module_name: tides.definitions}
            build: {directory: ./tides}
        """,
    "surge/Dockerfile": "FROM python:3.12-slim\nCOPY . /app\n",
    "surge/surge/definitions.py": "",
    "tides/pyproject.toml": PACKAGE,
    "tides/tides/__init__.py": "",
    "tides/tides/definitions.py": "",
}
_HYBRID = {
    "dagster_cloud.yaml": """
        locations:
          - location_name: surge
            code_source: {module_name: surge.definitions}
            build: {directory: ., registry: registry.example.com/surge}
        """,
    "Dockerfile": "FROM python:3.12-slim\nCOPY . /app\n",
    "surge/definitions.py": "",
}
_TASK = """
    AWSTemplateFormatVersion: "2010-09-09"
    Parameters:
      Token: {{Type: String, NoEcho: true}}
    Resources:
      Harbour:
        Type: AWS::ECS::TaskDefinition
        Properties:
          Family: harbour-agent
          ContainerDefinitions:
            - Name: agent
              Image: docker.io/dagster/dagster-cloud-agent:1.13.27
              EntryPoint: ["bash", "-c"]
              Command:
                - {function}
                  cat > dagster.yaml << EOF
                  instance_class: {{module: dagster_cloud, class: DagsterCloudAgentInstance}}
                  dagster_cloud_api: {{agent_token: "${{Token}}", deployment: prod}}
                  agent_queues: {{include_default_queue: false, additional_queues: [north]}}
                  user_code_launcher: {{module: dagster_cloud.workspace.ecs, class: Ecs}}
                  EOF
                  dagster-cloud agent run
    """
_RELEASE = """
    resource "helm_release" "agent" {
      name       = "harbour"
      repository = "https://dagster-io.github.io/helm-user-cloud"
      chart      = "dagster-cloud-agent"
      values     = [%s]
    }
    """
_LITERAL = """yamlencode({
        dagsterCloud = {
          deployment  = "prod"
          agentQueues = { includeDefaultQueue = false, additionalQueues = ["north"] }
        }
      })"""
_APPLICATION = """
    apiVersion: argoproj.io/v1alpha1
    kind: Application
    metadata: {name: harbour-agent}
    spec:
      source:
        repoURL: https://dagster-io.github.io/helm-user-cloud
        chart: dagster-cloud-agent
        helm:
          parameters:
            - {name: "dagsterCloud.agentQueues.additionalQueues[0]", value: north}
          values: |
            dagsterCloud:
              deployment: prod
              agentQueues:
                includeDefaultQueue: false
                additionalQueues: [south]
    """
_UNREADABLE = {
    "flux.yaml": """
        apiVersion: helm.toolkit.fluxcd.io/v2
        kind: HelmRelease
        metadata: {name: harbour}
        spec:
          chart: {spec: {chart: dagster-cloud-agent}}
          valuesFrom: [{kind: ConfigMap, name: harbour-values}]
        """,
    "infra/agent.tf": _RELEASE % "file(var.values)",
    "helmfile.yaml": """
        releases:
          - name: harbour
            chart: dagster-cloud/dagster-cloud-agent
            values: ["{{ .Environment.Name }}.yaml"]
        """,
    "infra/module.tf": """
        module "agent" {
          source = "git::https://git.example.com/terraform/dagster-cloud-agent"
          queues = local.queues
        }
        """,
}


def _served(made: Repository, location: str) -> dict[str, object]:
    """How the deployment ``prod`` serves a location."""
    routes = made.routes()["routes"]
    return next(
        each for each in routes if each["location"] == location and not each["branch_deployments"]
    )


def _says_no_error(made: Repository, *arguments: str) -> int:
    ended = made.run("routes", *arguments)
    assert "error" not in ended.stdout + ended.stderr
    assert "nobody will run surge in prod" not in ended.stderr
    return ended.returncode


def test_a_hybrid_repository_without_agents_waits_for_one_and_is_no_error(tmp_path: Path) -> None:
    made = repository_of(tmp_path / "harbour", _HYBRID)

    assert made.run("check").returncode == 0
    assert _says_no_error(made) in {0, 2}
    assert "managed pool" not in made.said("routes")
    assert not made.plan()["surge"]["agents"]
    assert "managed pool" not in made.said("plan")


def test_a_queue_without_known_agents_is_unknown(tmp_path: Path) -> None:
    made = repository_of(tmp_path / "harbour", _MIXED)

    assert _says_no_error(made) in {0, 2}
    assert made.plan()["tides"]["agents"] == ["managed pool"]
    assert not made.plan()["surge"]["agents"]


@pytest.mark.parametrize("function", ["!Sub |", "Fn::Sub: |"])
@pytest.mark.parametrize("name", ["infra/agent.yaml", "values.yaml", "dagster.yaml", "ecs.yml"])
def test_an_agent_in_cloudformation_is_no_fault(tmp_path: Path, function: str, name: str) -> None:
    files = {**_MIXED, name: _TASK.format(function=function)}
    made = repository_of(tmp_path / "harbour", files)

    assert made.findings() == []
    assert _says_no_error(made) in {0, 2}


def test_an_agent_in_terraform_is_read_or_unknown(tmp_path: Path) -> None:
    made = repository_of(tmp_path / "harbour", {**_MIXED, "infra/agent.tf": _RELEASE % _LITERAL})

    assert _says_no_error(made) in {0, 2}


def test_an_agent_that_git_tracks_counts_though_it_is_ignored(tmp_path: Path) -> None:
    made = repository_of(tmp_path / "harbour", {**_MIXED, ".gitignore": "infra/\n"})
    made.write({"infra/agent.tf": _RELEASE % _LITERAL})
    git(made.folder, "add", "--force", "infra/agent.tf")

    assert any(each["kind"] != "pool" for each in made.routes()["agents"])


@pytest.mark.parametrize("path", sorted(_UNREADABLE))
def test_a_chart_in_a_form_that_is_not_read_makes_the_answer_unknown(
    tmp_path: Path, path: str
) -> None:
    made = repository_of(tmp_path / "harbour", {**_MIXED, path: _UNREADABLE[path]})

    assert _says_no_error(made) == 2
    assert path in made.said("routes")


_PULUMI = """
    import * as k8s from "@pulumi/kubernetes";
    new k8s.helm.v3.Release("harbour", { chart: "dagster-cloud-agent", values });
    """
_CDK = """
    image = aws_ecs.ContainerImage.from_registry("docker.io/dagster/dagster-cloud-agent:1.13.1")
    """


@pytest.mark.parametrize(
    ("path", "text", "beside"),
    [
        ("infra/index.ts", _PULUMI, "infra/Pulumi.yaml"),
        ("cloud/stacks/agent.py", _CDK, "cloud/cdk.json"),
        ("live/terragrunt.hcl", 'inputs = {\n  chart = "dagster-cloud-agent"\n}\n', None),
        (
            "agent.nomad.hcl",
            'job "agent" {\n  config { image = "dagster/dagster-cloud-agent:1" }\n}\n',
            None,
        ),
    ],
)
def test_a_program_that_installs_an_agent_makes_the_answer_unknown(
    tmp_path: Path, path: str, text: str, beside: str | None
) -> None:
    more = {} if beside is None else {beside: "{}\n"}
    made = repository_of(tmp_path / "harbour", {**_MIXED, path: text, **more})

    assert _says_no_error(made) == 2
    assert path in made.said("routes")


def test_a_program_elsewhere_installs_nothing(tmp_path: Path) -> None:
    made = repository_of(tmp_path / "harbour", {**_MIXED, "surge/names.py": _CDK})

    assert _says_no_error(made) == 0


_SET = """
    apiVersion: argoproj.io/v1alpha1
    kind: ApplicationSet
    metadata: {name: harbour}
    spec:
      generators: [{list: {elements: [{queue: north}]}}]
      template:
        metadata: {name: 'agent-{{ .queue }}'}
        spec:
          source:
            repoURL: https://dagster-io.github.io/helm-user-cloud
            chart: dagster-cloud-agent
            helm:
              parameters:
                - {name: 'dagsterCloud.agentQueues.additionalQueues[0]', value: '{{ .queue }}'}
    """
_FROM_FILE = """
    apiVersion: argoproj.io/v1alpha1
    kind: Application
    metadata: {name: harbour}
    spec:
      source:
        repoURL: https://dagster-io.github.io/helm-user-cloud
        chart: dagster-cloud-agent
        helm:
          fileParameters:
            - {name: dagsterCloud.agentQueues.additionalQueues, path: queues.yaml}
    """


@pytest.mark.parametrize(
    ("text", "held"),
    [(_SET, "from the variable {{ .queue }}"), (_FROM_FILE, "from the file 'queues.yaml'")],
)
def test_what_holds_a_value_is_shown_as_it_is_written(tmp_path: Path, text: str, held: str) -> None:
    made = repository_of(tmp_path / "harbour", {**_MIXED, "apps/agent.yaml": text})

    assert held in made.said("routes")


def test_a_chart_that_a_release_of_flux_takes_is_no_second_agent(tmp_path: Path) -> None:
    flux = """
        apiVersion: source.toolkit.fluxcd.io/v1
        kind: HelmChart
        metadata: {name: agents}
        spec: {chart: dagster-cloud-agent, sourceRef: {kind: HelmRepository, name: dagster}}
        ---
        apiVersion: helm.toolkit.fluxcd.io/v2
        kind: HelmRelease
        metadata: {name: harbour}
        spec:
          chartRef: {kind: HelmChart, name: agents}
          values: {dagsterCloud: {deployment: prod, agentQueues: {additionalQueues: [north]}}}
        """
    made = repository_of(tmp_path / "harbour", {**_MIXED, "apps/agent.yaml": flux})

    assert [each["name"] for each in made.routes()["agents"] if each["kind"] != "pool"] == [
        "harbour"
    ]


def test_agents_that_are_named_answer_what_files_do_not(tmp_path: Path) -> None:
    agent = """
        dagsterCloud:
          deployment: prod
          agentQueues: {includeDefaultQueue: false, additionalQueues: [north]}
        """
    path = "infra/agent.tf"
    files = {**_MIXED, path: _UNREADABLE[path], "north-values.yaml": agent}
    made = repository_of(tmp_path / "harbour", files)

    assert _says_no_error(made, "--agents", "north-values.yaml") == 0


def test_parameters_of_argo_are_laid_over_its_values(tmp_path: Path) -> None:
    made = repository_of(tmp_path / "harbour", {**_MIXED, "apps/agent.yaml": _APPLICATION})

    routes = made.routes()
    (agent,) = (each for each in routes["agents"] if each["kind"] != "pool")

    assert agent["queues"] == ["north"]
    assert _served(made, "surge")["agents"] == [agent["name"]]
    assert _served(made, "tides")["agents"] == ["managed pool"]
    assert made.plan()["surge"]["agents"] == [agent["name"]]


@pytest.mark.parametrize(
    "queues",
    [
        "additionalQueues: north",
        'includeDefaultQueue: "false"',
        "additionalQueues: {a: north}",
        "additionalQueues: [north, ~]",
    ],
)
def test_values_that_the_chart_refuses_are_found_by_both_commands(
    tmp_path: Path, queues: str
) -> None:
    values = f"dagsterCloud:\n  deployment: prod\n  agentQueues:\n    {queues}\n"
    made = repository_of(tmp_path / "harbour", {**_MIXED, "values.yaml": values})

    (error,) = made.errors()

    place, code, _ = error.split(" ", 2)
    assert place.startswith("values.yaml:4")
    assert code.startswith("DS4")
    assert made.run("check").returncode == 1
    routes = made.routes()
    assert any(
        each["severity"] == "error" and f"{each['file']}:{each['line']}" == place
        for each in routes["findings"]
    )


_DOCUMENT = """
    # Agents

    The values:

    ```yaml
    # values.yaml
    dagsterCloud:
      deployment: prod
      agentQueues:
        includeDefaultQueue: false
        additionalQueues: [north]
    ```

    ```bash
    helm upgrade --install harbour dagster-cloud/dagster-cloud-agent --values values.yaml
    ```

    Or with Docker:

    ```yaml
    services:
      agent:
        image: dagster/dagster-cloud-agent:latest
        environment:
          DAGSTER_CLOUD_AGENT_QUEUES_ADDITIONAL_QUEUES: "north"
    ```
    """


def test_agents_of_documents_are_hints(tmp_path: Path) -> None:
    made = repository_of(tmp_path / "harbour", {**_MIXED, "AGENTS-SETUP.md": _DOCUMENT})

    assert made.errors() == []
    assert _says_no_error(made) in {0, 2}


def test_the_values_of_a_document_belong_to_its_command(tmp_path: Path) -> None:
    made = repository_of(tmp_path / "harbour", {**_MIXED, "AGENTS-SETUP.md": _DOCUMENT})

    agents = {each["name"]: each for each in made.routes("--documents")["agents"]}

    assert agents["harbour"]["queues"] == ["north"]


def test_variables_that_no_agent_reads_are_mentioned(tmp_path: Path) -> None:
    made = repository_of(tmp_path / "harbour", {**_MIXED, "AGENTS-SETUP.md": _DOCUMENT})

    said = made.said("check") + made.said("routes") + made.said("routes", "--documents")

    assert "DAGSTER_CLOUD_AGENT_QUEUES_ADDITIONAL_QUEUES" in said


def test_no_command_says_error_and_ends_with_0(tmp_path: Path) -> None:
    queues = "    additionalQueues: [south]\n    includeDefaultQueue: false\n"
    values = f"dagsterCloud:\n  deployment: prod\n  agentQueues:\n{queues}"
    for number, files in enumerate(
        (_HYBRID, _MIXED, {**_MIXED, "values.yaml": values}, {**_HYBRID, "values.yaml": values})
    ):
        made = repository_of(tmp_path / f"harbour-{number}", files)
        for command in ("check", "routes", "plan"):
            ended = made.run(command)
            assert ("error" in ended.stdout + ended.stderr) is (ended.returncode == 1), ended
