#!/usr/bin/env bash
# Builds the container image from a binary, without a network, a daemon or a base image: image.sh BINARY ARCHIVE
# `docker load` and `podman load` read the archive.
set -euo pipefail

binary=$(realpath "$1") archive=$(realpath -m "$2")
cd "$(dirname "$0")/.."
command -v buildah >/dev/null || { echo 'image.sh: buildah is missing: it is a package of Debian, Ubuntu, Fedora …' >&2; exit 1; }

version=$(sed -nE 's/^version = "(.*)"/\1/p' Cargo.toml)
revision=$(git rev-parse HEAD 2>/dev/null || echo unknown)
# The same binary gives the same layer.
time=${SOURCE_DATE_EPOCH:-$(git show --no-patch --format=%ct 2>/dev/null || stat --format=%Y "$binary")}

work=$(mktemp -d)
# Without root, what belongs to other users in it is removed where buildah is root.
trap 'rm -rf "$work" 2>/dev/null || buildah unshare rm -rf "$work"' EXIT
mkdir "$work/files" "$work/empty"
bash packaging/image-root.sh "$binary" "$work/files/image"

confined() {
    buildah --root "$work/storage" --runroot "$work/run" --storage-driver vfs "$@"
}
confined build --quiet --format docker --timestamp "$time" --file contrib/Dockerfile --build-context "files=$work/files" \
    --build-arg "VERSION=$version" --build-arg "REVISION=$revision" --tag "roadstead:$version" "$work/empty" >/dev/null
mkdir -p "$(dirname "$archive")"
rm -f "$archive"
confined push --quiet "roadstead:$version" "docker-archive:$archive:roadstead:$version"
echo "roadstead:$version: $(stat --format=%s "$archive") bytes in $archive"
