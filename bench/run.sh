#!/usr/bin/env bash
# Makes the figures of docs/benchmarks.md: bench/run.sh [SHAPE…], all shapes without arguments.
# Needs wrk (a Debian package) and Python 3.10+; ROADSTEAD_BIN names the binary.
set -euo pipefail
cd "$(dirname "$0")/.."
command -v wrk >/dev/null || { echo 'bench/run.sh needs wrk: apt-get install wrk' >&2; exit 1; }
exec python3 bench/measure.py "$@"
