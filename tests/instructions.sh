#!/usr/bin/env bash
# Counts the instructions that the server executes per request, under valgrind: unlike times, they do not depend on other load.
# Fails if a request exceeds its bound, which is about twice the count of 2026.
set -euo pipefail
cd "$(dirname "$0")/.."
command -v valgrind >/dev/null || { echo 'tests/instructions.sh needs valgrind' >&2; exit 1; }
binary=${ROADSTEAD_BIN:-target/release/roadstead}
bench=$(dirname "$binary")/roadstead-bench
folder=$(mktemp -d)
server=
source tests/server.sh
trap '[ -z "$server" ] || kill "$server" 2>/dev/null; rm -rf "$folder"' EXIT

# total SHAPE OPERATIONS: the instructions of a server that starts, is set up for the shape, answers OPERATIONS requests and stops.
total() {
    local address= key secret
    rm -rf "$folder/data"
    start_server "$folder" env -i PATH="$PATH" valgrind --tool=callgrind --callgrind-out-file=/dev/null "$binary" serve \
        --alias benchmark --create-on-push
    key=$(credential "$folder" aws_access_key_id)
    secret=$(credential "$folder" aws_secret_access_key)
    "$bench" run --target "r=http://$address/benchmark,$key:$secret" --shape "$1" --connections 1 --operations "$2" --duration 100 >/dev/null
    kill "$server"
    wait "$server" || true
    server=
    grep -om1 'Collected : [0-9]*' "$folder/log" | grep -o '[0-9]*'
}

# check SHAPE BOUND: the cost per request, as the difference between runs with many and few requests.
check() {
    local few many each
    few=$(total "$1" 100)
    many=$(total "$1" 1100)
    each=$(((many - few) / 1000))
    echo "$1: $each instructions per request, at most $2"
    [ "$each" -le "$2" ]
}

check manifest-get 65000
check describe-tags:1k 1900000
check tags:1k 120000
check push:4k 3000000
