#!/usr/bin/env bash
# Runs the tests that embedded servers pass on PostgreSQL, and on PostgreSQL and S3 with three replicas behind nginx, and those of
# replicas alone: run.sh all | smoke. The smoke test is what CI has time for. Goes on after a failure, and fails at the end.
set -uo pipefail
cd "$(dirname "$0")/../.."

python=.cache/venv/bin/python
# Files in parallel, as in the Makefile.
parallel=("$python" -m pytest --numprocesses auto --maxprocesses 4 --dist loadfile)
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

pulling=(tests/clients/test_{crane_regctl,oras_helm,podman_skopeo,containerd_umoci,docker,cosign,layers}.py)

case ${1:-} in
    all)
        step 'registry on PostgreSQL' "$python" tests/scale/with_postgres.py cargo test -p roadstead-registry
        step 'doors on PostgreSQL' "$python" tests/scale/with_postgres.py cargo test -p roadstead --test it
        step 'replicas' "$python" -m pytest tests/scale
        for deployment in postgres replicas; do
            step "clients on $deployment" on "$deployment" "${parallel[@]}" tests/clients
        done
        step 'clients sent to S3' on redirecting "${parallel[@]}" "${pulling[@]}"
        step 'conformance on replicas' on replicas "$python" tests/conformance/run.py
        step 'attacks on PostgreSQL and S3' on s3 "${parallel[@]}" tests/attacks
        step 'gallery on PostgreSQL' on postgres "$python" tests/browser/run.py test
        ;;
    smoke)
        step 'registry on PostgreSQL' "$python" tests/scale/with_postgres.py cargo test --workspace --test it -- replicas:: gc:: transferring::
        step 'replicas' "$python" -m pytest tests/scale -m smoke
        step 'clients on replicas' on replicas "${parallel[@]}" tests/clients/test_{layers,repositories,describe_image_tags,crane_regctl}.py
        ;;
    *)
        echo "run.sh: all or smoke?" >&2
        exit 2
        ;;
esac

[ ${#failed[@]} = 0 ] || { printf 'scale-out: failed: %s\n' "${failed[@]}" >&2; exit 1; }
