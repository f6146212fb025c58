#!/usr/bin/env bash
# Runs the OCI distribution conformance suite against the binary, in the suite's default configuration.
#
#   ROADSTEAD_BIN          the binary [default: target/release/roadstead]
#   ROADSTEAD_CONFORMANCE  the suite: conformance/ of opencontainers/distribution-spec, at commit
#                          967efdc079b91785ad18c77cc4f8991a47feefbf; if unset, nothing is run
#   ROADSTEAD_RESULTS      the directory for reports [default: .cache/conformance]
#
# Prints the counts for each version of the specification; fails if a test failed or was skipped.
set -euo pipefail
cd "$(dirname "$0")/../.."

suite=${ROADSTEAD_CONFORMANCE:-}
if [ -z "$suite" ]; then
    echo 'conformance: not run, ROADSTEAD_CONFORMANCE does not name the directory of the suite'
    exit 0
fi
binary=$(realpath "${ROADSTEAD_BIN:-target/release/roadstead}")
mkdir -p "${ROADSTEAD_RESULTS:-.cache/conformance}"
results=$(realpath "${ROADSTEAD_RESULTS:-.cache/conformance}")
(cd "$suite" && go build -o "$results/suite" .)

work=$(mktemp -d)
# Keep the caller's settings away from the server under test.
for variable in $(compgen -e | grep '^ROADSTEAD_\|^OCI_' || true); do
    unset "$variable"
done
server=
trap '[ -z "$server" ] || { kill "$server" 2>/dev/null; wait "$server" 2>/dev/null; } || true; rm -rf "$work"' EXIT
source tests/server.sh
start_server "$work" "$binary" serve --alias conformance

# aws OPERATION INPUT: calls the AWS API as the account's root.
aws() {
    curl --silent --show-error --fail-with-body --aws-sigv4 'aws:amz:us-east-1:ecr-public' \
        --user "$(credential "$work" aws_access_key_id):$(credential "$work" aws_secret_access_key)" \
        --header 'content-type: application/x-amz-json-1.1' --header "x-amz-target: SpencerFrontendService.$1" \
        --data "$2" "http://$address/"
}
password=$(aws GetAuthorizationToken '{}' | sed -E 's/.*"authorizationToken":"([^"]*)".*/\1/' | base64 -d | cut -d: -f2)

failed=0
for version in 1.1 dev; do
    for repository in 1 2; do
        aws CreateRepository "{\"repositoryName\":\"v$version/repo$repository\"}" >/dev/null
    done
    report=$results/$version
    mkdir -p "$report"
    OCI_REGISTRY=$address OCI_TLS=disabled OCI_VERSION=$version OCI_RESULTS_DIR=$report \
        OCI_REPO1=conformance/v$version/repo1 OCI_REPO2=conformance/v$version/repo2 \
        OCI_USERNAME=AWS OCI_PASSWORD=$password "$results/suite" >"$report/output.txt" 2>&1 || failed=1
    # count STATUS: from the suite's summary, which counts tests that a version does not require as disabled.
    count() {
        sed -nE "s/^ +$1\.+: +([0-9]+)$/\1/p" "$report/output.txt" | head -n1
    }
    printf 'conformance: %s passed, %s failed, %s errors, %s skipped, %s not part of version %s\n' \
        "$(count Pass)" "$(count FAIL)" "$(count Error)" "$(count Skip)" "$(count Disabled)" "$version"
    if [ "$(count FAIL) $(count Error) $(count Skip)" != '0 0 0' ]; then
        grep -E ': (FAIL|Error|Skip)$' "$report/output.txt" >&2 || tail -n 20 "$report/output.txt" >&2
        failed=1
    fi
done
exit "$failed"
