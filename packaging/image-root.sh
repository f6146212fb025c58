#!/usr/bin/env bash
# Lays out the files of the container image: image-root.sh BINARY FOLDER
#   FOLDER/root  the file system: the binary, the shared objects that it needs, authorities of certificates, a user
#   FOLDER/data  the empty data directory, for /var/lib, which the image gives to that user
set -euo pipefail

binary=$1 folder=$2 root=$2/root
source=$(cd "$(dirname "$0")/.." && pwd)
rm -rf "$folder"
install -d -m 700 "$folder/data/roadstead"
install -d "$root/etc/ssl/certs" "$root/usr/bin" "$root/usr/share/licenses/roadstead" "$root/var/lib"
# For --ephemeral, and for uploads that wait to be sent to S3.
install -d -m 1777 "$root/tmp"

install -m 755 "$binary" "$root/usr/bin/roadstead"
# A fifth of the binary is names of functions, which only the backtraces of panics show.
strip --strip-all "$root/usr/bin/roadstead"
# Paths such as "/lib/x86_64-linux-gnu/libc.so.6" and "/lib64/ld-linux-x86-64.so.2", or none if the binary is static.
linked=$(ldd "$binary" 2>&1) || [[ $linked == *'not a dynamic executable'* ]] || { echo "image-root.sh: $linked" >&2; exit 1; }
[[ $linked != *'not found'* ]] || { echo "image-root.sh: $linked" >&2; exit 1; }
for library in $(grep -oE '/[^ ]+' <<<"$linked"); do
    install -D -m 755 "$library" "$root$library"
done

install -m 644 /etc/ssl/certs/ca-certificates.crt "$root/etc/ssl/certs/"
install -m 644 "$source/LICENSE" "$root/usr/share/licenses/roadstead/"
cat >"$root/etc/passwd" <<'PASSWD'
root:x:0:0:root:/:/sbin/nologin
roadstead:x:65532:65532:Roadstead:/var/lib/roadstead:/sbin/nologin
PASSWD
cat >"$root/etc/group" <<'GROUP'
root:x:0:
roadstead:x:65532:
GROUP
echo 'hosts: files dns' >"$root/etc/nsswitch.conf"
