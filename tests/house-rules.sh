#!/usr/bin/env bash
# The rules of ARCHITECTURE.md that neither the compiler nor clippy can see.
set -euo pipefail
cd "$(dirname "$0")/.."

broken=0

# complain RULE FOUND: says that RULE is broken, when something was FOUND.
complain() {
    [ -n "$2" ] || return 0
    printf 'house rule broken: %s\n%s\n\n' "$1" "$2" >&2
    broken=1
}

# depends CRATE PATTERN: the crates matching PATTERN that CRATE is built with, directly or not (tests not counted).
depends() {
    local tree
    tree=$(cargo tree --quiet --package "$1" --edges normal,build --prefix none --target all)
    grep -oE "^($2) v[^ ]+" <<<"$tree" | sort -u || true
}

# mentions PATTERN FOLDER…: the lines of Rust in FOLDERs that match PATTERN.
mentions() {
    local pattern=$1
    shift
    grep -rnE --include='*.rs' "$pattern" "$@" || true
}

complain 'roadstead-registry knows nothing of HTTP' \
    "$(depends roadstead-registry 'axum.*|hyper.*|http|http-body.*|tower.*')"
complain 'roadstead-model has neither IO nor a database' \
    "$(depends roadstead-model 'tokio.*|rusqlite|libsqlite3-sys|postgres.*|deadpool.*')"

sql='\b(SELECT\b.*\b(FROM|EXISTS)|INSERT( OR [A-Z]+)? INTO|UPDATE [a-z_]+ SET|DELETE FROM|(CREATE|ALTER|DROP) (TABLE|INDEX|UNIQUE INDEX)|PRAGMA [a-z_]+)\b'
# outside_statements FILE…: the lines of FILEs that do not stand in a `statements!` block.
outside_statements() {
    awk '/^statements! \{$/ { inside = 1 } !inside { print FILENAME ":" FNR ":" $0 } /^}$/ { inside = 0 }' "$@"
}

mapfile -t sources < <(find crates/*/src -name '*.rs' -not -path 'crates/registry/src/metadata/*')
mapfile -t topics < <(grep -lE '^statements! \{$' "${sources[@]}")
complain 'SQL stands only under crates/registry/src/metadata and in the statements of a topic of the registry' \
    "$(outside_statements "${sources[@]}" | grep -E "$sql" || true
    printf '%s\n' "${topics[@]}" | grep -v '^crates/registry/src/' || true)"
complain 'the statements of a topic stand above its functions' \
    "$(awk 'FNR == 1 { first = 0 } /(^| )fn / && !first { first = FNR } /^statements! \{$/ && first { print FILENAME ":" FNR }' "${topics[@]}")"
complain 'a transaction is named only where its statements are' \
    "$(grep -nE '\bTx\b' "${sources[@]}" | grep -vFf <(printf '%s:\n' "${topics[@]}") || true)"

# The floors of the modules, and that doors do not use each other, are data at the top of this script.
python3 tests/imports.py --self-test || broken=1
complain 'imports point down, and no circle of them has more than two files' "$(python3 tests/imports.py bench model server)"
complain 'the command line does not use the doors' \
    "$(mentions '\bcrate::(aws|gallery|oci)\b' crates/server/src/cli crates/server/src/cli.rs)"

for pair in metadata:blobs blobs:metadata; do
    folder=crates/registry/src/${pair%:*}
    [ ! -d "$folder" ] || complain "${pair%:*} does not use ${pair#*:}" "$(mentions "\bcrate::${pair#*:}\b" "$folder")"
done

complain 'a module is named after what it holds' \
    "$(find crates -regextype posix-extended -regex '.*/(utils?|helpers?|common|types|managers?|services?|handlers?)(\.rs)?' -not -path '*/target/*')"

[ "$broken" = 0 ] && echo 'house rules: kept'
exit "$broken"
