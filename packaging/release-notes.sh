#!/usr/bin/env bash
# Prints what CHANGELOG.md says about a version, without the heading: release-notes.sh VERSION
# Fails if it says nothing.
set -euo pipefail
cd "$(dirname "$0")/.."

notes=$(awk -v version="$1" '/^## / { inside = $2 == version; next } inside' CHANGELOG.md)
[ -n "${notes//[[:space:]]/}" ] || { echo "CHANGELOG.md has no section '## $1'" >&2; exit 1; }
printf '%s\n' "$notes"
