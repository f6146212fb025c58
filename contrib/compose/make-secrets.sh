#!/usr/bin/env bash
# Makes the secrets of the replicas in compose.yaml, once: another master key or password would lock them out. Each service gets a file of
# its own, with no more than it needs.
set -euo pipefail
cd "$(dirname "$0")"

umask 077
# Fails if it exists.
mkdir secrets
password=$(openssl rand -hex 20) bucket_key=$(openssl rand -hex 20)
bucket_credentials="AWS_ACCESS_KEY_ID=roadstead
AWS_SECRET_ACCESS_KEY=$bucket_key"

cat >secrets/replica.env <<ENV
ROADSTEAD_MASTER_KEY=$(openssl rand -hex 32)
ROADSTEAD_DATABASE=postgres://roadstead:$password@database/roadstead?sslmode=disable
$bucket_credentials
ENV
echo "POSTGRES_PASSWORD=$password" >secrets/database.env
cat >secrets/bucket.env <<ENV
ROOT_ACCESS_KEY=roadstead
ROOT_SECRET_KEY=$bucket_key
ENV
echo "$bucket_credentials" >secrets/make-bucket.env
