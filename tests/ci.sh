#!/usr/bin/env bash
# Everything that CI runs: installs what is missing, then the checks and tests, until a stage fails. The last line says which stages passed
# and how long they took, and what could not be tried: whatever a line of the output that begins with "not tried: " names.
set -uo pipefail
cd "$(dirname "$0")/.."

# A test whose program is missing fails instead of being skipped.
export CI=true CARGO_INCREMENTAL=0
# Compiling is most of the time, and quicker without debug information. The release build is the one that is published.
export CARGO_PROFILE_DEV_DEBUG=0
log=$(mktemp)
trap 'rm -f "$log"*' EXIT

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

# What runs beside the stages: the process groups by name.
declare -A beside

# begin NAME COMMAND…: runs a command beside the stages, until `finish NAME`.
begin() {
    setsid "${@:2}" >"$log.$1" 2>&1 &
    beside[$1]=$!
}

# finish NAME: the stage of what was begun.
finish() {
    stage "$1" outcome "$1"
}

outcome() {
    local code=0
    wait "${beside[$1]}" || code=$?
    unset "beside[$1]"
    cat "$log.$1"
    return $code
}

end_all() {
    local group
    for group in "${beside[@]}"; do
        kill -- "-$group" 2>/dev/null
    done
}

# Little is needed for the first stages, so most is downloaded and built beside them. Counting instructions keeps one processor busy, and
# other load does not matter to it.
stages() {
    local name
    trap end_all EXIT
    stage 'first installations' bash tests/install.sh build check test || return
    begin 'other installations' bash tests/install.sh clients tools packaging scale browser conformance instructions torture sdks
    for name in check test; do
        stage "$name" make --no-print-directory "$name" || return
    done
    finish 'other installations' || return
    stage build make --no-print-directory build || return
    begin instructions make --no-print-directory instructions
    for name in test-clients test-packaging test-scale test-browser conformance; do
        stage "$name" make --no-print-directory "$name" || return
    done
    finish instructions
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
