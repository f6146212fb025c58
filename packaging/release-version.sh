#!/usr/bin/env bash
# Fails unless the workspace, the Helm chart, compose.yaml and the example for GitHub Actions name this version:
# release-version.sh VERSION
set -euo pipefail
cd "$(dirname "$0")/.."

version=$1 wrong=0
# expect FILE LINE: the file has this line.
expect() {
    grep -qF -- "$2" "$1" || { echo "$1 has no '$2'" >&2; wrong=1; }
}
expect Cargo.toml "version = \"$version\""
expect contrib/helm/roadstead/Chart.yaml "appVersion: $version"
expect contrib/helm/roadstead/Chart.yaml "version: $version"
expect contrib/compose.yaml "ghcr.io/roadstead/roadstead:$version"
expect contrib/github-actions-example.yml "ghcr.io/roadstead/roadstead:$version"
exit $wrong
