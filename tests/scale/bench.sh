#!/usr/bin/env bash
# Starts PostgreSQL and an S3 server for benchmarks, runs a command, and stops them:
#   bench.sh FOLDER compare ARGUMENTS…   `roadstead-bench compare` with them and with columns of what they had to do
#   bench.sh FOLDER COMMAND…             any command; it finds them by BENCH_DATABASE, BENCH_S3 and the AWS_… variables
# FOLDER is on the disk to measure; both services sync as they do by default. The data stay in it for another run.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
PATH=$PATH:$here/../../.cache/bin:/usr/sbin
mkdir -p "$1"
folder=$(cd "$1" && pwd)
shift
bench=$(dirname "${ROADSTEAD_BIN:-$here/../../target/release/roadstead}")/roadstead-bench
binaries=$(dirname "$(ls /usr/lib/postgresql/*/bin/initdb | tail -1)")
user=()
[ "$(id -u)" != 0 ] || user=(setpriv --reuid=65534 --regid=65534 --clear-groups)
pids=()
trap '[ ${#pids[@]} = 0 ] || { kill -INT "${pids[@]}"; wait "${pids[@]}"; } 2>/dev/null || true' EXIT

free_port() {
    python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
}

start_postgres() {
    local port=$1 data=$folder/postgres
    if [ ! -d "$data" ]; then
        install -d -m 700 "$data"
        [ ${#user[@]} = 0 ] || chown 65534:65534 "$data"
        (cd / && "${user[@]}" "$binaries/initdb" -A trust -U postgres -E UTF8 --locale=C.UTF-8 -D "$data") >"$folder/initdb.log"
    fi
    (cd / && exec "${user[@]}" "$binaries/postgres" -D "$data" -p "$port" -c listen_addresses=127.0.0.1 -c unix_socket_directories= \
        -c max_connections=300 -c shared_buffers=512MB -c max_wal_size=4GB -c shared_preload_libraries=pg_stat_statements) \
        >>"$folder/postgres.log" 2>&1 &
    pids+=($!)
    postgres=$!
    until "$binaries/pg_isready" -q -h 127.0.0.1 -p "$port"; do sleep 0.2; done
    sql=("$binaries/psql" -h 127.0.0.1 -p "$port" -U postgres -qAt)
    "${sql[@]}" -c 'SET client_min_messages = warning' -c 'CREATE EXTENSION IF NOT EXISTS pg_stat_statements'
    local program
    for program in roadstead-postgres roadstead-s3 roadstead-proxied roadstead-replicas; do
        "${sql[@]}" -c "CREATE DATABASE \"$program\"" 2>/dev/null || true
    done
    export BENCH_DATABASE=postgres://postgres@127.0.0.1:$port/{}
}

# A directory is a bucket.
start_s3() {
    local port=$1
    mkdir -p "$folder"/s3/{roadstead-s3,roadstead-proxied,roadstead-replicas,distribution-s3,angos-s3}
    export AWS_ACCESS_KEY_ID=benchmark AWS_SECRET_ACCESS_KEY=benchmark-secret BENCH_S3=http://127.0.0.1:$port
    ROOT_ACCESS_KEY=$AWS_ACCESS_KEY_ID ROOT_SECRET_KEY=$AWS_SECRET_ACCESS_KEY versitygw --port "127.0.0.1:$port" --quiet --keep-alive \
        --access-log "$folder/s3.log" posix "$folder/s3" >"$folder/versitygw.log" 2>&1 &
    pids+=($!)
    s3=$!
    until (: <"/dev/tcp/127.0.0.1/$port") 2>/dev/null; do sleep 0.2; done
}

# Commands that print CPU time so far in microseconds, of a process and its children.
cpu() {
    echo "cat /proc/[0-9]*/stat 2>/dev/null | awk '(\$1 == $1 || \$4 == $1) { s += \$14 + \$15 } END { print s * 10000 }'"
}

start_postgres "$(free_port)"
start_s3 "$(free_port)"
if [ "$1" = compare ]; then
    shift
    "$bench" compare --database "$BENCH_DATABASE" --s3 "$BENCH_S3" --data "$folder/servers" --output "$folder/report" \
        --count "statements=${sql[*]} -c 'SELECT sum(calls) FROM pg_stat_statements'" --count "database CPU µs=$(cpu "$postgres")" \
        --count "S3 requests=wc -l <$folder/s3.log" --count "S3 CPU µs=$(cpu "$s3")" "$@"
else
    "$@"
fi
