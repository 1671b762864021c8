{{/* Names, labels, and what the pods of all parts have in common. */}}

{{- define "dagstead.fullname" -}}
{{- if contains .Chart.Name .Release.Name -}}
{{- .Release.Name | trunc 50 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name .Chart.Name | trunc 50 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{/* Takes a dict of root and part. */}}
{{- define "dagstead.selector" -}}
app.kubernetes.io/name: {{ .root.Chart.Name }}
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .part }}
{{- end -}}

{{/* Takes a dict of root and, for what belongs to one, part. */}}
{{- define "dagstead.labels" -}}
app.kubernetes.io/name: {{ .root.Chart.Name }}
app.kubernetes.io/instance: {{ .root.Release.Name }}
{{- with .part }}
app.kubernetes.io/component: {{ . }}
{{- end }}
app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .root.Chart.Name .root.Chart.Version | replace "+" "_" }}
{{- with .root.Values.labels }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{/* Name, namespace and labels. Takes a dict of root and, for what belongs to one, part. */}}
{{- define "dagstead.metadata" -}}
name: {{ include "dagstead.fullname" .root }}{{ with .part }}-{{ . }}{{ end }}
namespace: {{ .root.Release.Namespace }}
labels:
  {{- include "dagstead.labels" . | nindent 2 }}
{{- end -}}

{{- define "dagstead.serviceAccount" -}}
{{- .Values.serviceAccount.name | default (include "dagstead.fullname" .) -}}
{{- end -}}

{{- define "dagstead.image" -}}
{{- $repository := required "image.repository is empty. Build Dagstead's image, push it to your registry, and set image.repository to its name." .Values.image.repository -}}
{{- if .Values.image.digest -}}
{{- printf "%s@%s" $repository .Values.image.digest -}}
{{- else -}}
{{- printf "%s:%s" $repository (.Values.image.tag | default .Chart.AppVersion) -}}
{{- end -}}
{{- end -}}

{{- define "dagstead.publicUrl" -}}
{{- required "publicUrl is empty. Set it to the address that agents, the CLI and browsers use, such as https://dagstead.example.com." .Values.publicUrl | trimSuffix "/" -}}
{{- end -}}

{{- define "dagstead.claim" -}}
{{- .Values.storage.existingClaim | default (include "dagstead.fullname" .) -}}
{{- end -}}

{{- define "dagstead.databaseSecret" -}}
{{- $database := .Values.database -}}
{{- if and $database.url $database.existingSecret -}}
{{- fail "database.url and database.existingSecret are both set. Remove one of them." -}}
{{- end -}}
{{- if $database.url -}}
{{- if not (regexMatch "^postgres(ql)?(\\+[a-z0-9]+)?://[^@/]*[^/]+/.+" $database.url) -}}
{{- fail "database.url is not the address of a Postgres database. Write postgresql://USER:PASSWORD@HOST/NAME." -}}
{{- end -}}
{{- printf "%s-database" (include "dagstead.fullname" .) -}}
{{- else -}}
{{- required "No database is named. Set database.existingSecret to a Secret with the key `url` (or database.key), or database.url to postgresql://USER:PASSWORD@HOST/NAME." $database.existingSecret -}}
{{- end -}}
{{- end -}}

{{/* The variable with the database's address. */}}
{{- define "dagstead.databaseEnv" -}}
- name: DAGSTEAD_DATABASE
  valueFrom:
    secretKeyRef:
      name: {{ include "dagstead.databaseSecret" . }}
      key: {{ ternary "url" .Values.database.key (ne .Values.database.url "") }}
{{- end -}}

{{/* Variables of every part. */}}
{{- define "dagstead.env" -}}
- name: DAGSTEAD_DATA
  value: /data
- name: DAGSTEAD_PUBLIC_URL
  value: {{ include "dagstead.publicUrl" . | quote }}
- name: DAGSTEAD_ORGANIZATION
  value: {{ .Values.organization | quote }}
{{- range $name, $value := .Values.settings }}
- name: DAGSTEAD_{{ $name | upper }}
  # Whole numbers that come by --set are floats, which large ones would show.
  value: {{ ternary (int64 $value) $value (and (kindIs "float64" $value) (eq (floor $value) $value)) | toString | quote }}
{{- end }}
# The root filesystem is read-only, and the user need not be one that the image knows.
- name: HOME
  value: /tmp
- name: USER
  value: dagstead
{{- end -}}

{{/* The pod's settings that all parts share. Takes a dict of root, part and its values. */}}
{{- define "dagstead.pod" -}}
serviceAccountName: {{ include "dagstead.serviceAccount" .root }}
automountServiceAccountToken: false
# A service called dagstead would give every pod DAGSTEAD_PORT=tcp://…, which is a setting.
enableServiceLinks: false
{{- range $key, $value := dict
  "imagePullSecrets" .root.Values.image.pullSecrets
  "securityContext" .root.Values.podSecurityContext
  "nodeSelector" .values.nodeSelector
  "tolerations" .values.tolerations
  "affinity" .values.affinity
  "priorityClassName" .values.priorityClassName
}}
{{- if $value }}
{{ dict $key $value | toYaml }}
{{- end }}
{{- end }}
{{- if .values.topologySpread }}
topologySpreadConstraints:
  - maxSkew: 1
    topologyKey: kubernetes.io/hostname
    whenUnsatisfiable: ScheduleAnyway
    labelSelector:
      matchLabels:
        {{- include "dagstead.selector" . | nindent 8 }}
{{- end }}
{{- end -}}

{{/* The container's settings that all parts share. Takes a dict of root, part, its values and, where it has another name, its command. */}}
{{- define "dagstead.container" -}}
name: {{ .part }}
image: {{ include "dagstead.image" .root | quote }}
imagePullPolicy: {{ .root.Values.image.pullPolicy }}
command: [dagstead, {{ .command | default .part }}]
{{- with .values.resources }}
resources:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .root.Values.securityContext }}
securityContext:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}

{{/* Labels and annotations of a part's pods. Takes a dict of root, part and its values. */}}
{{- define "dagstead.podMetadata" -}}
labels:
  {{- include "dagstead.labels" . | nindent 2 }}
  {{- with .values.labels }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- $annotations := .values.annotations }}
{{- if .root.Values.database.url }}
# A new address starts the pods again.
{{- $annotations = merge (dict "dagstead/database" (sha256sum .root.Values.database.url)) $annotations }}
{{- end }}
{{- with $annotations }}
annotations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}
