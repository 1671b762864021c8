"""Every way to install an agent that serves one queue; then the same with a variable in its place.

All serve the queue ``north`` in ``prod``, not the default queue, and are called ``north-agent``.
"""

from __future__ import annotations

from collections.abc import Mapping

URL = "https://dagster-io.github.io/helm-user-cloud"
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
