{{/* Names, labels, and the queues as people write them. */}}

{{- define "agent.fullname" -}}
{{- if contains .Chart.Name .Release.Name -}}
{{- .Release.Name | trunc 45 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name .Chart.Name | trunc 45 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{- define "agent.selector" -}}
app.kubernetes.io/name: {{ .Chart.Name }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "agent.labels" -}}
{{ include "agent.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- with .Values.labels }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{- define "agent.serviceAccount" -}}
{{- .Values.serviceAccount.name | default (include "agent.fullname" .) -}}
{{- end -}}

{{- define "agent.userCodeServiceAccount" -}}
{{- .Values.userCodeServiceAccount.name | default (printf "%s-user-code" (include "agent.fullname" .)) -}}
{{- end -}}

{{- define "agent.namespace" -}}
{{- .Values.workspace.namespace | default .Release.Namespace -}}
{{- end -}}

{{- define "agent.tokenSecret" -}}
{{- if .Values.dagsterCloud.agentToken -}}
{{- printf "%s-token" (include "agent.fullname" .) -}}
{{- else -}}
{{- required "dagsterCloud.agentTokenSecret is empty. Name the Secret that holds the agent token under the key DAGSTER_CLOUD_AGENT_TOKEN, or set dagsterCloud.agentToken." .Values.dagsterCloud.agentTokenSecret -}}
{{- end -}}
{{- end -}}

{{/* The control plane's address; the official chart calls it dagsterCloud.endpoint. */}}
{{- define "agent.url" -}}
{{- $cloud := .Values.dagsterCloud -}}
{{- $urls := list $cloud.url $cloud.endpoint | compact | uniq -}}
{{- if not $urls -}}
{{- fail "dagsterCloud.url is empty. Set it to the address of your control plane, such as https://dagstead.example.com." -}}
{{- end -}}
{{- if gt (len $urls) 1 -}}
{{- fail (printf "dagsterCloud.url is %s and dagsterCloud.endpoint is %s. Remove one of them." $cloud.url $cloud.endpoint) -}}
{{- end -}}
{{- $urls | first | default "" | trimSuffix "/" -}}
{{- end -}}

{{/* True or false, from a value that must be one of them. Takes a list: the place, the value. */}}
{{- define "agent.flag" -}}
{{- $place := index . 0 -}}
{{- $value := index . 1 -}}
{{- if not (kindIs "bool" $value) -}}
{{- fail (printf "%s is %v (%s). Write true or false, without quotes and with --set, not --set-string." $place (toJson $value) (kindOf $value)) -}}
{{- end -}}
{{- $value -}}
{{- end -}}

{{/* One queue's name, refused with a sentence when it cannot be one. */}}
{{- define "agent.queueName" -}}
{{- if not (kindIs "string" .) -}}
{{- fail (printf "dagsterCloud.agentQueues names the queue %v, which is not text. Put the name in quotes, or use --set-string." (toJson .)) -}}
{{- end -}}
{{- if has (lower (trim .)) (list "" "default" "default-queue" "default_queue" "defaultqueue" "none" "null") -}}
{{- fail (printf "dagsterCloud.agentQueues names the queue %q, which is not the default queue: that one has no name. Remove it, and set dagsterCloud.agentQueues.includeDefaultQueue=true." .) -}}
{{- end -}}
{{- if ne . (trim .) -}}
{{- fail (printf "dagsterCloud.agentQueues names the queue %q. Remove the blanks around the name." .) -}}
{{- end -}}
{{- end -}}

{{/*
The queues as the agent reads them: JSON with include_default_queue and additional_queues. Taken
from dagsterCloud.agentQueues, a list or a mapping, and dagsterCloud.includeDefaultQueue.
*/}}
{{- define "agent.queues" -}}
{{- $cloud := .Values.dagsterCloud -}}
{{- $given := $cloud.agentQueues -}}
{{- $names := list -}}
{{- $flags := list -}}
{{- if and (hasKey $cloud "includeDefaultQueue") (not (kindIs "invalid" $cloud.includeDefaultQueue)) -}}
{{- $flags = append $flags (include "agent.flag" (list "dagsterCloud.includeDefaultQueue" $cloud.includeDefaultQueue)) -}}
{{- end -}}
{{- if kindIs "map" $given -}}
{{- range $key, $_ := $given -}}
{{- if not (has $key (list "includeDefaultQueue" "additionalQueues")) -}}
{{- fail (printf "dagsterCloud.agentQueues has the key %q, which nothing reads. Write the names below dagsterCloud.agentQueues.additionalQueues." $key) -}}
{{- end -}}
{{- end -}}
{{- $names = $given.additionalQueues | default list -}}
{{- if not (kindIs "invalid" $given.includeDefaultQueue) -}}
{{- $flags = append $flags (include "agent.flag" (list "dagsterCloud.agentQueues.includeDefaultQueue" $given.includeDefaultQueue)) -}}
{{- end -}}
{{- else if not (kindIs "invalid" $given) -}}
{{- $names = $given -}}
{{- end -}}
{{- if not (kindIs "slice" $names) -}}
{{- fail (printf "The queues of dagsterCloud.agentQueues are %v. Write a list, such as dagsterCloud.agentQueues[0]=hybrid." (toJson $names)) -}}
{{- end -}}
{{- range $names -}}
{{- include "agent.queueName" . -}}
{{- end -}}
{{- if and (has "true" $flags) (has "false" $flags) -}}
{{- fail (printf "dagsterCloud.includeDefaultQueue is %s and dagsterCloud.agentQueues.includeDefaultQueue is %s. Remove one of them." (first $flags) (last $flags)) -}}
{{- end -}}
{{- $default := not (has "false" $flags) -}}
{{- if and (not $default) (not $names) -}}
{{- fail "This agent would serve no queue: includeDefaultQueue is false and dagsterCloud.agentQueues names none. Name one, such as dagsterCloud.agentQueues[0]=hybrid." -}}
{{- end -}}
{{- dict "include_default_queue" $default "additional_queues" (uniq $names) | toJson -}}
{{- end -}}

{{/* What is needed to run, watch and end Kubernetes jobs. */}}
{{- define "agent.jobRules" -}}
- apiGroups: [batch]
  resources: [jobs]
  verbs: [create, delete, list]
- apiGroups: [batch]
  resources: [jobs/status]
  verbs: [get]
- apiGroups: [""]
  resources: [pods]
  verbs: [delete, get, list]
- apiGroups: [""]
  resources: [pods/log]
  verbs: [get]
{{- end -}}
