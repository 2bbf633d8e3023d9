{{- define "stracelet.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 52 | trimSuffix "-" -}}
{{- else -}}
{{- $name := default .Chart.Name .Values.nameOverride -}}
{{- if contains $name .Release.Name -}}
{{- .Release.Name | trunc 52 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name $name | trunc 52 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{/* What finds the agents: clients look for them by these, so the name is not to be overridden. */}}
{{- define "stracelet.selector" -}}
app.kubernetes.io/name: stracelet
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/component: agent
{{- end -}}

{{/* Of every object; the argument is a list of the root and the component. */}}
{{- define "stracelet.labels" -}}
{{- $root := index . 0 -}}
app.kubernetes.io/name: stracelet
app.kubernetes.io/instance: {{ $root.Release.Name }}
app.kubernetes.io/component: {{ index . 1 }}
app.kubernetes.io/part-of: stracelet
app.kubernetes.io/version: {{ $root.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ $root.Release.Service }}
helm.sh/chart: {{ printf "%s-%s" $root.Chart.Name $root.Chart.Version | replace "+" "_" }}
{{- end -}}

{{- define "stracelet.image" -}}
{{- with .Values.image -}}
{{- if .digest -}}
{{ .repository }}@{{ .digest }}
{{- else -}}
{{ .repository }}:{{ default $.Chart.AppVersion .tag }}
{{- end -}}
{{- end -}}
{{- end -}}

{{- define "stracelet.serviceAccount" -}}
{{- default (ternary (include "stracelet.fullname" .) "default" .Values.serviceAccount.create) .Values.serviceAccount.name -}}
{{- end -}}

{{- define "stracelet.metricsPort" -}}
{{- regexFind "[0-9]+$" .Values.config.metrics.listen -}}
{{- end -}}

{{- define "stracelet.scheme" -}}
{{- ternary "https" "http" (not (empty .Values.tls.secretName)) -}}
{{- end -}}

{{/* Not empty where the API tells the pods' names. YAML 1.1 reads a bare off as false. */}}
{{- define "stracelet.readsPods" -}}
{{- if not (has (toString .Values.config.sources.kubernetes) (list "off" "false")) }}true{{ end -}}
{{- end -}}

{{/* Not empty where traces can be asked for: of pods that the API tells, by objects that it keeps. */}}
{{- define "stracelet.servesTraces" -}}
{{- if and (include "stracelet.readsPods" .) (not (has (toString .Values.config.api.listen) (list "off" "false"))) }}true{{ end -}}
{{- end -}}

{{- define "stracelet.needsToken" -}}
{{- if or (include "stracelet.readsPods" .) (include "stracelet.asksReaders" .) }}true{{ end -}}
{{- end -}}

{{/* Not empty where scrapers have to show a token. */}}
{{- define "stracelet.asksReaders" -}}
{{- if eq (toString .Values.config.metrics.auth) "kubernetes" }}true{{ end -}}
{{- end -}}

{{/* podMonitor, serviceMonitor, scrapeConfig or none */}}
{{- define "stracelet.discovery" -}}
{{- if ne .Values.prometheus.discovery "auto" -}}
{{- .Values.prometheus.discovery -}}
{{- else -}}
{{- ternary "podMonitor" "none" (.Capabilities.APIVersions.Has "monitoring.coreos.com/v1/PodMonitor") -}}
{{- end -}}
{{- end -}}

{{/* Not empty where scrapers have to show a token, and the monitor's endpoint does not say which. */}}
{{- define "stracelet.lacksToken" -}}
{{- $said := pick .Values.prometheus.endpoint "authorization" "bearerTokenSecret" "bearerTokenFile" "oauth2" -}}
{{- if and (include "stracelet.asksReaders" .) (not $said) }}true{{ end -}}
{{- end -}}

{{/* auto, true or false; the argument is a list of the root, the value and the API. */}}
{{- define "stracelet.wanted" -}}
{{- $root := index . 0 -}}
{{- $value := toString (index . 1) -}}
{{- if or (eq $value "true") (and (eq $value "auto") ($root.Capabilities.APIVersions.Has (index . 2))) }}true{{ end -}}
{{- end -}}

{{/* The agent's configuration: the values, and what the pod decides. */}}
{{- define "stracelet.config" -}}
{{- $config := deepCopy .Values.config -}}
{{- $_ := set $config "tracer_socket" "/run/stracelet/tracer.sock" -}}
{{- $_ := set $config "cgroup_root" "/host/cgroup" -}}
{{- if include "stracelet.readsPods" . -}}
{{- $_ := set $config "checkpoint" "/var/lib/stracelet/pods.json" -}}
{{- end -}}
{{- if not (include "stracelet.servesTraces" .) -}}
{{- $_ := set $config "api" (dict "listen" "off") -}}
{{- end -}}
{{- if .Values.cri.socket -}}
{{- $_ := set $config.sources "cri" .Values.cri.socket -}}
{{- end -}}
{{- if .Values.tls.secretName -}}
{{- $_ := set $config.metrics "tls" (dict "cert" "/etc/stracelet-tls/tls.crt" "key" "/etc/stracelet-tls/tls.key") -}}
{{- end -}}
{{- range $key, $value := $config -}}
{{- if not $value }}{{ $_ := unset $config $key }}{{ end -}}
{{- end -}}
{{- toYaml $config -}}
{{- end -}}

{{/* A scrape_config for a Prometheus without the operator. */}}
{{- define "stracelet.scrapeConfig" -}}
job_name: stracelet
# The series are of the traced pods: without this Prometheus would give them the agents' names.
honor_labels: true
scheme: {{ include "stracelet.scheme" . }}
scrape_interval: {{ .Values.prometheus.interval }}
{{- if include "stracelet.asksReaders" . }}
authorization: {credentials_file: /var/run/secrets/kubernetes.io/serviceaccount/token}
{{- end }}
kubernetes_sd_configs:
  - role: pod
    namespaces: {names: [{{ .Release.Namespace }}]}
    selectors:
      - role: pod
        label: app.kubernetes.io/name=stracelet,app.kubernetes.io/component=agent
relabel_configs:
  - {source_labels: [__meta_kubernetes_pod_container_port_name], regex: metrics, action: keep}
  - {source_labels: [__meta_kubernetes_namespace], target_label: namespace}
  - {source_labels: [__meta_kubernetes_pod_name], target_label: pod}
  - {source_labels: [__meta_kubernetes_pod_container_name], target_label: container}
  - {source_labels: [__meta_kubernetes_pod_node_name], target_label: node}
{{- end -}}
