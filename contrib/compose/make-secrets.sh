#!/usr/bin/env bash
# Makes the secrets of the replicas in compose.yaml, once: another master key or password would lock them out.
set -euo pipefail
cd "$(dirname "$0")"

umask 077
password=$(openssl rand -hex 20) bucket_key=$(openssl rand -hex 20)
# noclobber: an existing file stays.
set -o noclobber
cat >secrets.env <<ENV
ROADSTEAD_MASTER_KEY=$(openssl rand -hex 32)
ROADSTEAD_DATABASE=postgres://roadstead:$password@database/roadstead?sslmode=disable
POSTGRES_PASSWORD=$password
AWS_ACCESS_KEY_ID=roadstead
AWS_SECRET_ACCESS_KEY=$bucket_key
ROOT_ACCESS_KEY=roadstead
ROOT_SECRET_KEY=$bucket_key
ENV
