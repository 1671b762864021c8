"""Every way to install an agent, read as far as it is written: the rest is unknown, never wrong."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from dagstead.model.location import Kind
from dagstead.repository.agents.discovery import find_agents, find_slips
from dagstead.repository.agents.scan import AgentScan
from dagstead.routing.routes import Destination, RoutedLocation, State, route
from tests.unit.repository.agents.repositories import repository

PROD = Destination(deployment="prod")
SERVED, UNSERVED, UNKNOWN = State.SERVED, State.UNSERVED, State.UNKNOWN
URL = "https://dagster-io.github.io/helm-user-cloud"


def answers(found: AgentScan, *queues: str | None) -> list[State]:
    """Whether anybody runs an image on each of these queues in prod."""
    return [
        route(RoutedLocation(name="x", queue=each, kind=Kind.HYBRID), PROD, found.agents).state
        for each in queues
    ]


ARGO = """
    apiVersion: argoproj.io/v1alpha1
    kind: Application
    metadata: {name: north-agent}
    spec:
      source:
        repoURL: %(url)s
        chart: dagster-cloud-agent
        helm:
          %(helm)s
    """
SEVERAL_SOURCES = """
    kind: Application
    metadata: {name: north-agent}
    spec:
      sources:
        - {repoURL: "https://git.example.com/ops.git", ref: ops}
        - repoURL: %(url)s
          chart: dagster-cloud-agent
          helm: {valueFiles: ["$ops/%(file)s"]}
    """
APPLICATION_SET = """
    kind: ApplicationSet
    metadata: {name: agents}
    spec:
      generators: [{list: {elements: [{queue: north}]}}]
      template:
        metadata: {name: north-agent}
        spec:
          source:
            repoURL: %(url)s
            chart: dagster-cloud-agent
            helm:
              valuesObject:
                dagsterCloud:
                  deployment: prod
                  agentQueues: {includeDefaultQueue: false, additionalQueues: [%(queue)s]}
    """
FLUX = """
    apiVersion: source.toolkit.fluxcd.io/v1
    kind: HelmRepository
    metadata: {name: dagster}
    spec: {url: "%(url)s"}
    ---
    apiVersion: helm.toolkit.fluxcd.io/v2
    kind: HelmRelease
    metadata: {name: north-agent}
    spec:
      chart: {spec: {chart: dagster-cloud-agent, sourceRef: {kind: HelmRepository, name: dagster}}}
      %(more)s
      values:
        dagsterCloud:
          deployment: prod
          agentQueues: {includeDefaultQueue: false%(queues)s}
    """
KUSTOMIZE = """
    helmCharts:
      - name: dagster-cloud-agent
        repo: %(url)s
        releaseName: north-agent
        %(values)s
    """
HELMFILE = """
    repositories: [{name: dagster-cloud, url: "%(url)s"}]
    releases:
      - name: north-agent
        chart: dagster-cloud/dagster-cloud-agent
        %(values)s
    """
TERRAFORM = """
    resource "helm_release" "agent" {
      name       = "north-agent"
      repository = "%(url)s"
      chart      = "dagster-cloud-agent"
      %(values)s
    }
    """
CLOUDFORMATION = """
    AWSTemplateFormatVersion: "2010-09-09"
    Parameters: {Queue: {Type: String}}
    Resources:
      Task:
        Type: AWS::ECS::TaskDefinition
        Properties:
          ContainerDefinitions:
            - Name: agent
              Image: dagster/dagster-cloud-agent:1.13.27
              Command: %(command)s
    """
SCRIPT = """
                - !Sub |
                  cat > dagster.yaml << EOF
                  instance_class: {module: dagster_cloud, class: DagsterCloudAgentInstance}
                  dagster_cloud_api: {deployment: prod}
                  agent_queues:
                    include_default_queue: false
                    additional_queues:
                      - %s
                  EOF
                  dagster-cloud agent run"""
JOINED = """
                - !Join
                  - "\\n"
                  - - cat > dagster.yaml << EOF
                    - "instance_class: {module: dagster_cloud, class: DagsterCloudAgentInstance}"
                    - "dagster_cloud_api: {deployment: prod}"
                    - "agent_queues: {include_default_queue: false, additional_queues:"
                    - !Sub "  [%s]}"
                    - EOF"""
CONFIG_MAP = """
    kind: ConfigMap
    metadata: {name: agent}
    data:
      dagster.yaml: |
        instance_class: {module: dagster_cloud, class: DagsterCloudAgentInstance}
        dagster_cloud_api: {deployment: prod}
        agent_queues: {include_default_queue: false, additional_queues: [%s]}
    ---
    kind: Deployment
    metadata: {name: north-agent}
    spec: {template: {spec: {containers: [{image: "docker.io/dagster/dagster-cloud-agent:1"}]}}}
    """
AGENT = """
    instance_class: {module: dagster_cloud, class: DagsterCloudAgentInstance}
    dagster_cloud_api: {deployment: prod, agent_label: north-agent}
    agent_queues: {include_default_queue: false, additional_queues: [%s]}
    """
VALUES = """
    dagsterCloud:
      deployment: prod
      agentQueues: {includeDefaultQueue: false, additionalQueues: [%s]}
    """
PARAMETERS = """
          parameters:
            - {name: dagsterCloud.agentQueues.includeDefaultQueue, value: "false"}
            - {name: "dagsterCloud.agentQueues.additionalQueues[0]", value: %s}
          values: |
            dagsterCloud: {deployment: prod, agentQueues: {additionalQueues: [other]}}"""
SETS = """
      set {
        name  = "dagsterCloud.agentQueues.includeDefaultQueue"
        value = false
      }
      set_list {
        name  = "dagsterCloud.agentQueues.additionalQueues"
        value = [%s]
      }"""
ENCODED = """
      values = [yamlencode({
        dagsterCloud = {
          deployment  = "prod"
          agentQueues = { includeDefaultQueue = false, additionalQueues = [%s] }
        }
      })]"""
HEREDOC = """
      values = [<<-EOT
        dagsterCloud:
          deployment: prod
          agentQueues: {includeDefaultQueue: false, additionalQueues: [%s]}
      EOT
      ]"""


def argo(helm: str) -> Mapping[str, str]:
    return {"apps/north.yaml": ARGO % {"url": URL, "helm": helm.strip()}}


def terraform(values: str) -> Mapping[str, str]:
    return {"infra/main.tf": TERRAFORM % {"url": URL, "values": values.strip()}}


def kustomize(values: str, **more: str) -> Mapping[str, str]:
    return {"k8s/kustomization.yaml": KUSTOMIZE % {"url": URL, "values": values}, **more}


def helmfile(values: str, **more: str) -> Mapping[str, str]:
    return {"helmfile.yaml": HELMFILE % {"url": URL, "values": values}, **more}


def flux(queues: str, more: str = "") -> Mapping[str, str]:
    return {"clusters/x.yaml": FLUX % {"url": URL, "queues": queues, "more": more}}


def stack(command: str) -> Mapping[str, str]:
    return {"infra/ecs.yaml": CLOUDFORMATION % {"command": command}}


OFF = "dagsterCloud.agentQueues.includeDefaultQueue"
ADDED = "dagsterCloud.agentQueues.additionalQueues"
#: One queue, written in every way; then the same with a variable in its place.
FORMS = {
    "argo parameters": (argo(PARAMETERS % "north"), argo(PARAMETERS % "'$QUEUE'")),
    "argo several sources": (
        {
            "apps/x.yaml": SEVERAL_SOURCES % {"url": URL, "file": "env/north.yaml"},
            "env/north.yaml": VALUES % "north",
        },
        {
            "apps/x.yaml": SEVERAL_SOURCES % {"url": URL, "file": "env/north.yaml"},
            "env/north.yaml": VALUES % "'${QUEUE}'",
        },
    ),
    "argo set": (
        {"apps/x.yaml": APPLICATION_SET % {"url": URL, "queue": "north"}},
        {"apps/x.yaml": APPLICATION_SET % {"url": URL, "queue": "'{{queue}}'"}},
    ),
    "flux": (flux(", additionalQueues: [north]"), flux(", additionalQueues: ['${queue}']")),
    "kustomize file": (
        kustomize("valuesFile: north.yaml", **{"k8s/north.yaml": VALUES % "north"}),
        kustomize("valuesFile: north.yaml", **{"k8s/north.yaml": VALUES % "$QUEUE"}),
    ),
    "kustomize inline": (
        kustomize(
            "valuesInline: {dagsterCloud: {agentQueues: "
            "{includeDefaultQueue: false, additionalQueues: [north]}}}"
        ),
        kustomize(
            "valuesInline: {dagsterCloud: {agentQueues: "
            "{includeDefaultQueue: false, additionalQueues: [$(QUEUE)]}}}"
        ),
    ),
    "helmfile": (
        helmfile("values: [north.yaml]", **{"north.yaml": VALUES % "north"}),
        helmfile("values: [north.yaml]", **{"north.yaml": VALUES % "'{{ .Values.queue }}'"}),
    ),
    "helmfile set": (
        helmfile(f"set: [{{name: {OFF}, value: false}}, {{name: '{ADDED}', values: [north]}}]"),
        helmfile(
            f"set: [{{name: {OFF}, value: false}}, "
            f"{{name: '{ADDED}[0]', value: '{{{{ .Values.queue }}}}'}}]"
        ),
    ),
    "terraform encoded": (terraform(ENCODED % '"north"'), terraform(ENCODED % "var.queue")),
    "terraform heredoc": (terraform(HEREDOC % "north"), terraform(HEREDOC % "${var.queue}")),
    "terraform sets": (terraform(SETS % '"north"'), terraform(SETS % "local.queue")),
    "terraform file": (
        {**terraform('values = [file("${path.module}/n.yaml")]'), "infra/n.yaml": VALUES % "north"},
        {
            **terraform('values = [templatefile("${path.module}/n.yaml", { q = var.q })]'),
            "infra/n.yaml": VALUES % "${q}",
        },
    ),
    "cloudformation heredoc": (stack(SCRIPT % "north"), stack(SCRIPT % "${Queue}")),
    "cloudformation join": (stack(JOINED % "north"), stack(JOINED % "${Queue}")),
    "config map": (
        {"k8s/x.yaml": CONFIG_MAP % "north"},
        {"k8s/x.yaml": CONFIG_MAP % "'${QUEUE}'"},
    ),
    "helm command": (
        {
            "up.sh": f"helm upgrade -i north-agent x/dagster-cloud-agent --set {OFF}=false "
            f"--set '{ADDED}={{north}}'\n"
        },
        {
            "up.sh": f"helm upgrade -i north-agent x/dagster-cloud-agent --set {OFF}=false "
            f"--set '{ADDED}={{$QUEUE}}'\n"
        },
    ),
    "heredoc of a script": (
        {
            "up.sh": f"cat > v.yaml <<EOF{VALUES % 'north'}EOF\n"
            "helm install north-agent x/dagster-cloud-agent -f v.yaml\n"
        },
        {
            "up.sh": f"cat > v.yaml <<EOF{VALUES % '$QUEUE'}EOF\n"
            "helm install north-agent x/dagster-cloud-agent -f v.yaml\n"
        },
    ),
    "compose": (
        {
            "compose.yaml": "services: {north-agent: {image: dagster/dagster-cloud-agent, "
            "volumes: ['./dagster.yaml:/opt/dagster/app/dagster.yaml']}}\n",
            "dagster.yaml": AGENT % "north",
        },
        {
            "compose.yaml": "services: {north-agent: {image: dagster/dagster-cloud-agent, "
            "volumes: ['./dagster.yaml:/opt/dagster/app/dagster.yaml']}}\n",
            "dagster.yaml": AGENT % "'${QUEUE}'",
        },
    ),
    "docker run": (
        {
            "up.sh": 'docker run --name north-agent -v "$PWD/conf:/opt/dagster/app" '
            "dagster/dagster-cloud-agent:1 dagster-cloud agent run\n",
            "conf/dagster.yaml": AGENT % "north",
        },
        {
            "up.sh": 'docker run --name north-agent -v "$PWD/conf:/opt/dagster/app" '
            "dagster/dagster-cloud-agent:1 dagster-cloud agent run\n",
            "conf/dagster.yaml": AGENT % "'{{ queue }}'",
        },
    ),
    "umbrella chart": (
        {
            "chart/Chart.yaml": "apiVersion: v2\nname: north-agent\ndependencies:\n"
            f"  - {{name: dagster-cloud-agent, repository: '{URL}'}}\n",
            "chart/values.yaml": "dagster-cloud-agent:" + VALUES.replace("\n", "\n  ") % "north",
        },
        {
            "chart/Chart.yaml": "apiVersion: v2\nname: north-agent\ndependencies:\n"
            f"  - {{name: dagster-cloud-agent, repository: '{URL}'}}\n",
            "chart/values.yaml": "dagster-cloud-agent:" + VALUES.replace("\n", "\n  ") % "$QUEUE",
        },
    ),
}
#: Where the name of the release or the service is not what an agent can be called by.
UNNAMED = {"cloudformation heredoc", "cloudformation join", "config map"}


@pytest.mark.parametrize("form", FORMS)
def test_an_agent_is_what_is_written_in_whatever_form(form: str, tmp_path: Path) -> None:
    found = find_agents(repository(tmp_path, FORMS[form][0]))

    assert answers(found, "north", "south", None) == [SERVED, UNSERVED, UNSERVED]
    (agent,) = found.agents
    assert form in UNNAMED or agent.name == "north-agent"
    assert found.remarks == ()


@pytest.mark.parametrize("form", FORMS)
def test_a_variable_makes_unknown_what_it_stands_for(form: str, tmp_path: Path) -> None:
    found = find_agents(repository(tmp_path, FORMS[form][1]))

    assert answers(found, "north", None) == [UNKNOWN, UNSERVED]
    (agent,) = found.agents
    assert "dditional" in agent.unknown_because
    assert ":" in agent.unknown_because.split()[0]
    assert found.remarks == ()


#: Ways that show that there is an agent, and no more.
UNREAD = {
    "values of a variable": terraform("values = [yamlencode(var.values)]"),
    "values of a local": terraform("values = local.values"),
    "a dynamic block": terraform('dynamic "set" {\n for_each = var.sets\n}'),
    "a module": {"main.tf": 'module "a" {\n  source = "git.example.com/dagster-cloud-agent"\n}\n'},
    "a file from elsewhere": helmfile("values: [secrets/north.yaml]"),
    "a template of values": helmfile("values: [north.yaml.gotmpl]"),
    "a secret": flux("", "valuesFrom: [{kind: Secret, name: s}]"),
    "an image alone": {
        "k8s/x.yaml": "kind: Deployment\nmetadata: {name: north-agent}\nspec:\n"
        "  containers: [{image: 'docker.io/dagster/dagster-cloud-agent:1.13'}]\n"
    },
    "a task definition": {
        "ecs/agent.json": '{\n\t"family": "a",\n\t"containerDefinitions":\n'
        '\t\t[{"image": "dagster/dagster-cloud-agent:1"}]\n}\n'
    },
    "a tool that nobody knows": {"deploy/x.yaml": "my: {chart: dagster-cloud-agent}\n"},
    "an action": {
        ".github/workflows/a.yml": "on: push\njobs: {a: {runs-on: x, steps: [{uses: a/helm@v1, "
        "with: {chart: dagster-plus-agent}}]}}\n"
    },
    "a chart that is no YAML": {
        "deploy/x.yaml": "{{- range .Values.x }}\n- chart: dagster-cloud-agent\n  y: }{\n"
    },
    "compose": {"compose.yaml": "services: {a: {image: dagster/dagster-cloud-agent}}\n"},
    "docker run": {"up.sh": "docker run dagster/dagster-cloud-agent:latest\n"},
    "a flag of a variable": {"up.sh": "helm install a x/dagster-cloud-agent $FLAGS\n"},
    "values that are kept": {"up.sh": "helm upgrade --reuse-values a x/dagster-cloud-agent\n"},
}


@pytest.mark.parametrize("form", UNREAD)
def test_of_what_is_not_read_nothing_is_said_but_where_it_is(form: str, tmp_path: Path) -> None:
    (path,) = UNREAD[form]

    found = find_agents(repository(tmp_path, UNREAD[form]))

    (agent,) = found.agents
    assert answers(found, "north")[0] is UNKNOWN
    assert answers(found, None)[0] is not SERVED
    assert path in agent.unknown_because
    assert found.remarks == ()


@pytest.mark.parametrize(
    "files",
    [
        {"renovate.json": '{"packageRules": [{"matchPackageNames": ["x/dagster-cloud-agent"]}]}\n'},
        {"k8s/rbac.yaml": "kind: ServiceAccount\nmetadata: {name: dagster-cloud-agent}\n"},
        {"k8s/s.yaml": "kind: Secret\nmetadata: {name: dagster-cloud-agent-token}\n"},
        {"k8s/n.yaml": "# dagster/dagster-cloud-agent runs elsewhere\nkind: Namespace\n"},
        {"main.tf": '# chart = "dagster-cloud-agent"\nresource "x" "y" {}\n'},
        {"flux.yaml": f"kind: HelmRepository\nspec: {{url: '{URL}'}}\n"},
        {"p.yaml": f"kind: AppProject\nspec: {{sourceRepos: ['{URL}']}}\n"},
        {".github/workflows/a.yml": f"j: {{a: {{steps: [{{run: 'helm repo add {URL}'}}]}}}}\n"},
    ],
)
def test_what_only_has_the_name_installs_nothing(files: Mapping[str, str], tmp_path: Path) -> None:
    assert find_agents(repository(tmp_path, files)).agents == ()


def test_argo_replaces_the_text_by_the_object_and_sets_parameters_over_it(tmp_path: Path) -> None:
    helm = """
          valuesObject: {dagsterCloud: {agentQueues: {additionalQueues: [object]}}}
          values: 'dagsterCloud: {agentQueues: {includeDefaultQueue: false}}'
          parameters: [{name: "dagsterCloud.agentQueues.additionalQueues[1]", value: one}]"""

    (agent,) = find_agents(repository(tmp_path, argo(helm))).agents

    assert agent.queues == {"object", "one", None}


def test_what_is_set_after_a_layer_that_is_not_known_is_known(tmp_path: Path) -> None:
    flags = f"--set {OFF}=false --set '{ADDED}={{north}}'"
    line = f"helm install a x/dagster-cloud-agent -f s3://values.yaml {flags}\n"

    found = find_agents(repository(tmp_path, {"up.sh": line}))

    assert answers(found, "north", "south", None) == [SERVED, UNSERVED, UNSERVED]


def test_what_is_set_before_such_a_layer_serves_and_rules_nothing_out(tmp_path: Path) -> None:
    files = {
        "up.sh": "helm install a x/dagster-cloud-agent -f v.yaml -f $SECRETS\n",
        "v.yaml": VALUES % "north",
    }

    found = find_agents(repository(tmp_path, files))

    assert answers(found, "north", "south", None) == [SERVED, UNKNOWN, UNKNOWN]


def test_values_side_by_side_rule_out_what_none_of_them_says(tmp_path: Path) -> None:
    files = {
        "v/values.yaml": "dagsterCloud: {deployment: prod}\n",
        "v/values-prod.yaml": VALUES % "north",
    }

    found = find_agents(repository(tmp_path, files))

    assert answers(found, "north", "south", None) == [SERVED, UNSERVED, UNKNOWN]


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        (terraform(ENCODED.replace("includeDefaultQueue = false", "queues = []") % ""), "DS402"),
        (terraform('set {\n name = "dagsterCloud.agentQueues[0]"\n value = "x"\n}'), "DS403"),
        (argo("parameters: [{name: 'dagsterCloud.agentQueues[0]', value: x}]"), "DS403"),
        (argo("valuesObject: {dagsterCloud: {includeDefaultQueue: false}}"), "DS401"),
        (stack(SCRIPT.replace("- %s", "%s") % "one"), "DS406"),
    ],
)
def test_a_mistake_in_any_form_is_found_once(
    files: Mapping[str, str], expected: str, tmp_path: Path
) -> None:
    (slip,) = find_slips(repository(tmp_path, files))

    assert str(slip.mistake) == expected
    assert slip.position.file == next(iter(files))
