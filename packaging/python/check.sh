#!/usr/bin/env bash
# check.sh WHEEL: installs the wheel into a fresh environment, tests it there, and checks its types and style.
set -euo pipefail
wheel=$(realpath "$1")
cd "$(dirname "$0")"

environment=$(mktemp -d)
trap 'rm -rf "$environment"' EXIT
python3 -m venv "$environment"
"$environment/bin/pip" install --quiet --disable-pip-version-check "$wheel" --requirement requirements.txt

# Elsewhere than in the source, so that only what is installed can be imported.
cp -r tests "$environment/tests"
(cd "$environment" && PATH=$environment/bin:/usr/bin:/bin bin/python -m pytest -q -p no:cacheprovider tests)
"$environment/bin/mypy" --cache-dir="$environment/mypy" src/roadstead tests
"$environment/bin/ruff" check --no-cache .
"$environment/bin/ruff" format --no-cache --check .
