{{/* Of a part of the demo: pass root and part. */}}
{{- define "productmatcher.demo.name" -}}
{{ include "productmatcher.name" .root }}-demo-{{ .part }}
{{- end -}}

{{- define "productmatcher.demo.selector" -}}
app.kubernetes.io/name: productmatcher-demo
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .part }}
{{- end -}}

{{- define "productmatcher.demo.meta" -}}
name: {{ include "productmatcher.demo.name" . }}
namespace: {{ .root.Release.Namespace }}
labels:
  {{- with .root.Values.extraLabels }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
  {{- include "productmatcher.demo.selector" . | nindent 2 }}
  app.kubernetes.io/managed-by: {{ .root.Release.Service }}
annotations:
  productmatcher.dev/demo: not for production
{{- end -}}

{{/* The restricted Pod Security Standard, as a user of the image's own. */}}
{{- define "productmatcher.demo.security" -}}
runAsNonRoot: true
runAsUser: {{ . }}
runAsGroup: {{ . }}
fsGroup: {{ . }}
seccompProfile:
  type: RuntimeDefault
{{- end -}}

{{- define "productmatcher.demo.confined" -}}
allowPrivilegeEscalation: false
capabilities:
  drop: [ALL]
{{- end -}}

{{/* What the shop sells and who its shoppers are: for the shop and for the crowd. */}}
{{- define "productmatcher.demo.assortment" -}}
- --seed=1
- --items=600
- --shoppers=1000
- --start=2024-01-01
{{- end -}}
