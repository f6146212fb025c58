{{- define "roadstead.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" }}
{{- end }}

{{- define "roadstead.fullname" -}}
{{- if .Values.fullnameOverride }}
{{- .Values.fullnameOverride | trunc 57 | trimSuffix "-" }}
{{- else if contains (include "roadstead.name" .) .Release.Name }}
{{- .Release.Name | trunc 57 | trimSuffix "-" }}
{{- else }}
{{- printf "%s-%s" .Release.Name (include "roadstead.name" .) | trunc 57 | trimSuffix "-" }}
{{- end }}
{{- end }}

{{- define "roadstead.selector" -}}
app.kubernetes.io/name: {{ include "roadstead.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "roadstead.labels" -}}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{ include "roadstead.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end }}

{{- define "roadstead.serviceAccount" -}}
{{- if .Values.serviceAccount.create }}
{{- default (include "roadstead.fullname" .) .Values.serviceAccount.name }}
{{- else }}
{{- default "default" .Values.serviceAccount.name }}
{{- end }}
{{- end }}

{{- /* Whether servers share a database and a bucket, and need no volume. Fails if only half of what this needs is given. */}}
{{- define "roadstead.isShared" -}}
{{- if and .Values.database.url (not .Values.blobs.url) }}
{{- fail "database.url needs blobs.url: servers that share a database also share a bucket" }}
{{- else if and .Values.blobs.url (not .Values.database.url) }}
{{- fail "blobs.url needs database.url: this chart keeps both in a volume, or neither" }}
{{- else if and .Values.database.url (not .Values.masterKey.existingSecret) }}
{{- fail "database.url needs masterKey.existingSecret: all servers must have the same master key" }}
{{- else if and (gt (int .Values.replicas) 1) (not .Values.database.url) }}
{{- fail "replicas above 1 need database.url and blobs.url: one server alone uses a volume" }}
{{- else if .Values.database.url }}yes{{ end }}
{{- end }}

{{- /* The environment variables that are settings: those of the chart, overridden by `settings`. */}}
{{- define "roadstead.settings" -}}
{{- $settings := dict "listen" "0.0.0.0:5000" "admin_listen" "0.0.0.0:5001" "drain" .Values.drain }}
{{- if .Values.ingress.enabled }}
{{- $_ := set $settings "public_url" (printf "%s://%s" (ternary "https" "http" (ne .Values.ingress.tlsSecret "")) .Values.ingress.host) }}
{{- end }}
{{- if include "roadstead.isShared" . }}
{{- $_ := set $settings "database" .Values.database.url }}
{{- $_ := set $settings "blobs" .Values.blobs.url }}
{{- with .Values.blobs.endpoint }}{{ $_ := set $settings "s3_endpoint" . }}{{ end }}
{{- with .Values.blobs.region }}{{ $_ := set $settings "s3_region" . }}{{ end }}
{{- if .Values.database.passwordSecret.name }}
{{- $_ := set $settings "database_password_file" "/run/roadstead/database/password" }}
{{- end }}
{{- else }}
{{- /* A folder that the server makes, because the mounted one belongs to root. */}}
{{- $_ := set $settings "data" "/var/lib/roadstead/data" }}
{{- end }}
{{- range $key, $value := merge (deepCopy .Values.settings) $settings }}
- name: ROADSTEAD_{{ upper $key }}
  value: {{ include "roadstead.text" $value | quote }}
{{- end }}
{{- end }}

{{- /* A value as the text of an environment variable. Helm reads whole numbers as floats, and would print large ones as 1e+10. */}}
{{- define "roadstead.text" -}}
{{- if kindIs "slice" . }}{{ join "," . }}
{{- else if kindIs "float64" . }}{{ int64 . }}
{{- else if kindIs "map" . }}
{{- $items := list }}
{{- range $name, $number := . }}{{ $items = append $items (printf "%s=%v" $name $number) }}{{ end }}
{{- join "," $items }}
{{- else }}{{ . }}
{{- end }}
{{- end }}

{{- define "roadstead.fromSecret" -}}
- name: {{ .name }}
  valueFrom:
    secretKeyRef:
      name: {{ .secret }}
      key: {{ .key }}
{{- end }}

{{- /* The pod of both kinds of workloads. */}}
{{- define "roadstead.pod" -}}
metadata:
  labels:
    {{- include "roadstead.labels" . | nindent 4 }}
    {{- with .Values.podLabels }}{{ toYaml . | nindent 4 }}{{ end }}
  {{- with .Values.podAnnotations }}
  annotations:
    {{- toYaml . | nindent 4 }}
  {{- end }}
spec:
  serviceAccountName: {{ include "roadstead.serviceAccount" . }}
  automountServiceAccountToken: false
  # Variables such as ROADSTEAD_PORT, which Kubernetes makes for a service of this name, look like settings.
  enableServiceLinks: false
  terminationGracePeriodSeconds: {{ .Values.terminationGracePeriodSeconds }}
  {{- with .Values.imagePullSecrets }}
  imagePullSecrets:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with .Values.priorityClassName }}
  priorityClassName: {{ . }}
  {{- end }}
  securityContext:
    runAsNonRoot: true
    runAsUser: 65532
    runAsGroup: 65532
    fsGroup: 65532
    fsGroupChangePolicy: OnRootMismatch
    seccompProfile:
      type: RuntimeDefault
  containers:
    - name: roadstead
      image: "{{ .Values.image.repository }}:{{ default .Chart.AppVersion .Values.image.tag }}"
      imagePullPolicy: {{ .Values.image.pullPolicy }}
      securityContext:
        allowPrivilegeEscalation: false
        readOnlyRootFilesystem: true
        capabilities:
          drop:
            - ALL
      env:
        {{- include "roadstead.settings" . | trim | nindent 8 }}
        {{- with .Values.masterKey.existingSecret }}
        {{- include "roadstead.fromSecret" (dict "name" "ROADSTEAD_MASTER_KEY" "secret" . "key" $.Values.masterKey.key) | nindent 8 }}
        {{- end }}
        {{- with .Values.rootKey }}
        {{- if .existingSecret }}
        {{- include "roadstead.fromSecret" (dict "name" "ROADSTEAD_ACCESS_KEY_ID" "secret" .existingSecret "key" .idKey) | nindent 8 }}
        {{- include "roadstead.fromSecret" (dict "name" "ROADSTEAD_SECRET_ACCESS_KEY" "secret" .existingSecret "key" .secretKey) | nindent 8 }}
        {{- end }}
        {{- end }}
        {{- with .Values.blobs.credentialsSecret }}
        {{- if .name }}
        {{- include "roadstead.fromSecret" (dict "name" "AWS_ACCESS_KEY_ID" "secret" .name "key" .idKey) | nindent 8 }}
        {{- include "roadstead.fromSecret" (dict "name" "AWS_SECRET_ACCESS_KEY" "secret" .name "key" .secretKey) | nindent 8 }}
        {{- end }}
        {{- end }}
        {{- with .Values.extraEnv }}{{ toYaml . | nindent 8 }}{{ end }}
      ports:
        - name: http
          containerPort: 5000
        - name: admin
          containerPort: 5001
      # Migrations of a large installation, and a database that is not up yet, take time.
      startupProbe:
        httpGet:
          path: /healthz
          port: admin
        periodSeconds: 2
        failureThreshold: 150
      livenessProbe:
        httpGet:
          path: /healthz
          port: admin
        periodSeconds: 10
        timeoutSeconds: 5
        failureThreshold: 6
      readinessProbe:
        httpGet:
          path: /readyz
          port: admin
        periodSeconds: 2
        # The server itself gives its storage 5 s.
        timeoutSeconds: 6
        failureThreshold: 1
      {{- with .Values.resources }}
      resources:
        {{- toYaml . | nindent 8 }}
      {{- end }}
      volumeMounts:
        - name: tmp
          mountPath: /tmp
        {{- if not (include "roadstead.isShared" .) }}
        - name: data
          mountPath: /var/lib/roadstead
        {{- end }}
        {{- if .Values.database.passwordSecret.name }}
        - name: database
          mountPath: /run/roadstead/database
          readOnly: true
        {{- end }}
  volumes:
    - name: tmp
      emptyDir:
        sizeLimit: {{ .Values.temporary.sizeLimit }}
    {{- with .Values.database.passwordSecret }}
    {{- if .name }}
    - name: database
      secret:
        secretName: {{ .name }}
        defaultMode: 0440
        items:
          - key: {{ .key }}
            path: password
    {{- end }}
    {{- end }}
  {{- with .Values.nodeSelector }}
  nodeSelector:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with .Values.tolerations }}
  tolerations:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with .Values.affinity }}
  affinity:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with .Values.topologySpreadConstraints }}
  topologySpreadConstraints:
    {{- toYaml . | nindent 4 }}
  {{- end }}
{{- end }}
