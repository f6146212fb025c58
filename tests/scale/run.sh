#!/usr/bin/env bash
# Runs the tests that embedded servers pass on PostgreSQL, and on PostgreSQL and S3 with three replicas behind nginx, and those of
# replicas alone: run.sh all | smoke. The smoke test is what CI has time for. Goes on after a failure, and fails at the end.
set -uo pipefail
cd "$(dirname "$0")/../.."

python=.cache/venv/bin/python
# Files in parallel, as in the Makefile.
parallel=("$python" -m pytest --numprocesses auto --maxprocesses 4 --dist loadfile --no-loadscope-reorder)
failed=()

# step NAME COMMAND…
step() {
    local name=$1 begun=$SECONDS
    shift
    echo "scale-out: $name"
    "$@" || failed+=("$name")
    echo "scale-out: $name took $((SECONDS - begun)) s"
}

# on DEPLOYMENT COMMAND…
on() {
    ROADSTEAD_TEST_DEPLOYMENT=$1 "${@:2}"
}

case ${1:-} in
    all)
        step 'Rust tests on PostgreSQL' "$python" tests/scale/with_postgres.py cargo test --workspace --test it
        step 'replicas' "${parallel[@]}" tests/scale
        for deployment in postgres replicas redirecting; do
            step "clients on $deployment" on "$deployment" "${parallel[@]}" tests/clients
            step "conformance on $deployment" on "$deployment" "$python" tests/conformance/run.py
            step "gallery on $deployment" on "$deployment" "$python" tests/browser/run.py test
        done
        for deployment in postgres s3; do
            step "attacks on $deployment" on "$deployment" "${parallel[@]}" tests/attacks
        done
        # A second kind of S3 server.
        export ROADSTEAD_TEST_S3=minio
        step 'stores in minio' cargo test --workspace --lib blobs::
        step 'replicas on minio' "${parallel[@]}" tests/scale/test_{faults,replicas}.py
        step 'clients on minio' on redirecting "${parallel[@]}" tests/clients/test_{layers,crane_regctl,oras_helm}.py
        ;;
    smoke)
        step 'registry on PostgreSQL' "$python" tests/scale/with_postgres.py cargo test --workspace --test it -- replicas:: gc:: transferring::
        step 'replicas' "${parallel[@]}" tests/scale -m smoke
        step 'clients on replicas' on replicas "${parallel[@]}" tests/clients/test_{layers,repositories,describe_image_tags,crane_regctl}.py
        step 'attacks on s3' on s3 "$python" -m pytest tests/attacks/test_http2.py -k hold_no_more
        ;;
    *)
        echo "run.sh: all or smoke?" >&2
        exit 2
        ;;
esac

[ ${#failed[@]} = 0 ] || { printf 'scale-out: failed: %s\n' "${failed[@]}" >&2; exit 1; }
