{{/* What every object's name begins with. */}}
{{- define "productmatcher.name" -}}
{{- $name := default .Chart.Name .Values.nameOverride -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 50 | trimSuffix "-" -}}
{{- else if contains $name .Release.Name -}}
{{- .Release.Name | trunc 50 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name $name | trunc 50 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{/* The operator's pods are found by these; never more, since a Deployment's selector cannot change. */}}
{{- define "productmatcher.selector" -}}
app.kubernetes.io/name: productmatcher-operator
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "productmatcher.labels" -}}
{{- with .Values.extraLabels }}
{{- toYaml . }}
{{ end -}}
{{ include "productmatcher.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- end -}}

{{- define "productmatcher.serviceAccount" -}}
{{- if .Values.serviceAccount.create -}}
{{- default (include "productmatcher.name" .) .Values.serviceAccount.name -}}
{{- else -}}
{{- default "default" .Values.serviceAccount.name -}}
{{- end -}}
{{- end -}}

{{- define "productmatcher.image" -}}
{{- with .Values.image -}}
{{- if .digest -}}
{{- printf "%s@%s" .repository .digest -}}
{{- else -}}
{{- printf "%s:%s" .repository (default $.Chart.AppVersion .tag) -}}
{{- end -}}
{{- end -}}
{{- end -}}
