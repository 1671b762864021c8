{{/* The agent's dagster.yaml. Takes the root and the deployments. */}}
{{- define "agent.configuration" -}}
{{- $cloud := .root.Values.dagsterCloud -}}
instance_class:
  module: dagster_cloud.instance
  class: DagsterCloudAgentInstance
dagster_cloud_api:
  url: {{ include "agent.url" .root | quote }}
  agent_token:
    env: DAGSTER_CLOUD_AGENT_TOKEN
  {{- with .deployments }}
  deployments:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  branch_deployments: {{ $cloud.branchDeployments }}
  {{- with $cloud.agentLabel }}
  agent_label: {{ . | quote }}
  {{- end }}
  timeout: {{ $cloud.timeoutSeconds }}
  {{- if not $cloud.verifyCertificate }}
  verify: false
  {{- end }}
agent_queues:
  {{- include "agent.queues" .root | fromJson | toYaml | nindent 2 }}
# Run workers ask for their run every ten seconds: they end when it was terminated or failed, and it
# is noticed when they die.
isolated_agents:
  enabled: {{ .root.Values.isolatedAgents.enabled }}
user_code_launcher:
  module: dagster_cloud.workspace.kubernetes
  class: K8sUserCodeLauncher
  config:
    {{- include "agent.launcher" .root | nindent 4 }}
{{- end -}}

{{/* The settings of the official agent's launcher for Kubernetes. */}}
{{- define "agent.launcher" -}}
{{- $code := .Values.workspace -}}
namespace: {{ include "agent.namespace" . }}
service_account_name: {{ include "agent.userCodeServiceAccount" . }}
dagster_home: /opt/dagster/app
instance_config_map: {{ include "agent.fullname" . }}
deployment_startup_timeout: {{ $code.deploymentStartupTimeout }}
server_process_startup_timeout: {{ $code.serverProcessStartupTimeout }}
image_pull_grace_period: {{ $code.imagePullGracePeriod }}
requires_healthcheck: {{ .Values.dagsterCloudAgent.readinessProbe }}
fail_pod_on_run_failure: {{ $code.failPodOnRunFailure }}
# User code reports to the control plane itself, so it gets the token as well.
env_secrets:
  - {{ include "agent.tokenSecret" . }}
  {{- with $code.envSecrets }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- range $key, $value := dict
  "pull_policy" $code.pullPolicy
  "env_vars" $code.envVars
  "env_config_maps" $code.envConfigMaps
  "image_pull_secrets" .Values.imagePullSecrets
  "volumes" $code.volumes
  "volume_mounts" $code.volumeMounts
  "labels" $code.labels
  "resources" $code.resources
  "scheduler_name" $code.schedulerName
  "security_context" $code.securityContext
  "server_k8s_config" $code.serverK8sConfig
  "run_k8s_config" $code.runK8sConfig
  "server_ttl" $code.serverTTL
}}
{{- if $value }}
{{ dict $key $value | toYaml }}
{{- end }}
{{- end }}
{{- end -}}
