"""The page of the demonstration repository about agents: one agent, in four ways."""

from __future__ import annotations

QUEUE = "on-premises"
AGENT = "orchard-agent"

AGENTS = f"""\
# The agent

`orchards` waits in the queue `{QUEUE}`. One agent has to serve it; install it in one of these ways.
The token is in our password safe.

## Kubernetes, with Helm

Save this as `values.yaml`:

```yaml
# values.yaml
dagsterCloud:
  organization: dagstead
  deployment: prod
  agentTokenSecretName: dagster-cloud-agent-token
  agentQueues:
    includeDefaultQueue: false
    additionalQueues:
      - {QUEUE}
```

and run

```bash
helm repo add dagster-cloud https://dagster-io.github.io/helm-user-cloud
helm upgrade --install {AGENT} dagster-cloud/dagster-cloud-agent \\
  --namespace dagster --create-namespace \\
  --values values.yaml
```

## Docker Compose

The agent's settings, `dagster.yaml`:

```yaml
instance_class:
  module: dagster_cloud.instance
  class: DagsterCloudAgentInstance
dagster_cloud_api:
  agent_token:
    env: DAGSTER_CLOUD_AGENT_TOKEN
  deployment: prod
agent_queues:
  include_default_queue: false
  additional_queues:
    - {QUEUE}
user_code_launcher:
  module: dagster_cloud.workspace.docker
  class: DockerUserCodeLauncher
  config:
    networks:
      - orchards
```

```yaml
# compose.yaml
services:
  agent:
    image: dagster/dagster-cloud-agent:latest
    command: dagster-cloud agent run /opt/dagster/app
    environment:
      DAGSTER_CLOUD_AGENT_TOKEN: ${{DAGSTER_CLOUD_AGENT_TOKEN}}
    volumes:
      - ./dagster.yaml:/opt/dagster/app/dagster.yaml:ro
      - /var/run/docker.sock:/var/run/docker.sock
    networks: [orchards]
networks:
  orchards: {{name: orchards}}
```

## Docker alone

With the same `dagster.yaml`:

```bash
docker network create orchards
docker run --detach --name {AGENT} --network orchards \\
  --env DAGSTER_CLOUD_AGENT_TOKEN \\
  --volume $PWD/dagster.yaml:/opt/dagster/app/dagster.yaml:ro \\
  --volume /var/run/docker.sock:/var/run/docker.sock \\
  dagster/dagster-cloud-agent:latest \\
  dagster-cloud agent run /opt/dagster/app
```

## Amazon ECS

Dagster's CloudFormation template makes a cluster of its own:

```bash
aws cloudformation create-stack --stack-name {AGENT} \\
  --template-url https://templates.example.com/ecs-agent.yaml \\
  --capabilities CAPABILITY_IAM \\
  --parameters ParameterKey=DagsterOrganization,ParameterValue=dagstead \\
    ParameterKey=DagsterDeployment,ParameterValue=prod \\
    ParameterKey=AdditionalAgentQueues,ParameterValue={QUEUE} \\
    ParameterKey=IncludeDefaultQueue,ParameterValue=false
```
"""
