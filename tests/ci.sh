#!/usr/bin/env bash
# Everything that CI runs: installs what is missing, then the checks and tests, until a stage fails. The last line says which stages passed
# and how long they took, and what could not be tried: whatever a line of the output that begins with "not tried: " names.
set -uo pipefail
cd "$(dirname "$0")/.."

# A test whose program is missing fails instead of being skipped.
export CI=true CARGO_INCREMENTAL=0
log=$(mktemp)
trap 'rm -f "$log" "$log.installing"' EXIT

# minutes SECONDS
minutes() {
    printf '%d:%02d' $(($1 / 60)) $(($1 % 60))
}

# stage NAME COMMAND…
stage() {
    local begun=$SECONDS outcome=passed
    echo "ci: $1"
    "${@:2}" || outcome=FAILED
    echo "ci: $1 $outcome in $(minutes $((SECONDS - begun)))"
    [ $outcome = passed ]
}

wait_for_installations() {
    local code=0
    wait "$installing" || code=$?
    cat "$log.installing"
    return $code
}

# The first two stages need few tools, so most are downloaded and built meanwhile.
stages() {
    local name installing
    stage 'first installations' bash tests/install.sh build check test || return
    setsid bash tests/install.sh clients tools packaging scale browser conformance instructions torture sdks >"$log.installing" 2>&1 &
    installing=$!
    # shellcheck disable=SC2064 # the group of this job
    trap "kill -- -$installing 2>/dev/null" EXIT
    for name in check test; do
        stage "$name" make --no-print-directory "$name" || return
    done
    stage 'other installations' wait_for_installations || return
    for name in test-clients test-packaging test-scale test-browser conformance instructions; do
        stage "$name" make --no-print-directory "$name" || return
    done
}

code=0
(stages) </dev/null 2>&1 | tee "$log" || code=1

# The summary lines of cargo test ("test result: ok. 3 passed; 0 failed; …"), pytest ("3 passed, 1 failed in 2.00s"), the conformance
# suite and the browser tests ("conformance: 3 passed, 0 failed").
counts=$(awk '
    /^test result: / || /[0-9]+ (passed|failed|error).* in [0-9.]+s/ || /^(conformance|browser): / {
        for (i = 2; i <= NF; i++) {
            if ($i ~ /^passed[,;]?$/) passed += $(i - 1)
            if ($i ~ /^(failed|errors?)[,;]?$/) failed += $(i - 1)
        }
    }
    END { print passed + 0 " passed, " failed + 0 " failed" }
' "$log")
# joined: lines as one.
joined() {
    paste -sd'|' | sed 's/|/, /g'
}
outcomes=$(sed -nE '/ (passed|FAILED) in /s/^ci: //p' "$log" | joined)
not_tried=$(sed -n 's/^not tried: //p' "$log" | sort -u | joined)
echo "$counts"
echo "ci: $outcomes; took $(minutes $SECONDS); not tried: ${not_tried:-nothing}"
[ $code = 0 ] && [[ "$counts" == [1-9]*' 0 failed' ]]
