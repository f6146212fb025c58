#!/usr/bin/env bash
# build.sh BINARY: packs the binary into a Debian package in target/debian.
set -euo pipefail
cd "$(dirname "$0")/../.."

rm -rf target/package target/debian
bash packaging/install.sh "$1" target/package/usr
# As in every package of Debian: names of functions, which only the backtraces of panics show.
strip --strip-unneeded target/package/usr/bin/roadstead
cargo deb --quiet --locked --no-build --package roadstead --output target/debian/
