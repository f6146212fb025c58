#!/usr/bin/env bash
# install.sh BINARY PREFIX: installs the binary, its manual pages and its completions below PREFIX.
set -euo pipefail
binary=$1 prefix=$2 share=$2/share

install -D --mode=755 "$binary" "$prefix/bin/roadstead"
"$binary" man "$share/man/man1"
# completion SHELL FILE
completion() {
    mkdir -p "$(dirname "$share/$2")"
    "$binary" completions "$1" >"$share/$2"
}
completion bash bash-completion/completions/roadstead
completion zsh zsh/site-functions/_roadstead
completion fish fish/vendor_completions.d/roadstead.fish
