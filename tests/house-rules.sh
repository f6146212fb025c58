#!/usr/bin/env bash
# The rules of ARCHITECTURE.md and of documents that neither the compiler nor clippy checks.
set -euo pipefail
cd "$(dirname "$0")/.."

broken=0

# complain RULE FOUND: reports that RULE is broken, unless FOUND is empty.
complain() {
    [ -n "$2" ] || return 0
    printf 'house rule broken: %s\n%s\n\n' "$1" "$2" >&2
    broken=1
}

# depends CRATE PATTERN [OPTION…]: the direct and indirect dependencies of CRATE that match PATTERN, except those of tests.
depends() {
    local tree
    tree=$(cargo tree --quiet --package "$1" --edges normal,build --prefix none --target all "${@:3}") || { echo 'cargo tree failed'; return; }
    grep -oE "^($2) v[^ ]+" <<<"$tree" | sort -u || true
}

complain 'roadstead-registry does not depend on HTTP, except through its client for S3' \
    "$(depends roadstead-registry 'axum.*|hyper.*|http|http-body.*|reqwest|tower.*' --depth 1
    grep -rlE '\bobject_store\b' crates --include='*.rs' | grep -vE '^crates/registry/src/blobs/s3(\.rs|/)' || true)"
complain 'roadstead-model does not depend on I/O or a database' \
    "$(depends roadstead-model 'tokio.*|rusqlite|libsqlite3-sys|postgres.*|deadpool.*')"

sql='\b(SELECT\b.*\b(FROM|EXISTS)|INSERT( OR [A-Z]+)? INTO|UPDATE [a-z_]+ SET|DELETE FROM|(CREATE|ALTER|DROP) (TABLE|INDEX|UNIQUE INDEX)|PRAGMA [a-z_]+)\b'
# outside_statements FILE…: the lines of FILEs outside `statements!` blocks and the registry's macros, which compose statements.
outside_statements() {
    awk '/^statements! \{$/ || (/^macro_rules! [a-z_]+ \{$/ && FILENAME ~ /^crates\/registry\//) { inside = 1 } !inside { print FILENAME ":" FNR ":" $0 } /^}$/ { inside = 0 }' "$@"
}

mapfile -t sources < <(find crates/*/src -name '*.rs' -not -path 'crates/registry/src/metadata.rs' -not -path 'crates/registry/src/metadata/*')
mapfile -t with_statements < <(grep -lE '^statements! \{$' "${sources[@]}")
complain 'SQL is only in crates/registry/src/metadata and in `statements!` blocks and macros of crates/registry/src' \
    "$(outside_statements "${sources[@]}" | grep -E "$sql" || true
    printf '%s\n' "${with_statements[@]}" | grep -v '^crates/registry/src/' || true)"
complain 'the `statements!` of a file are above its functions' \
    "$(awk 'FNR == 1 { first = 0 } /(^| )fn / && !first { first = FNR } /^statements! \{$/ && first { print FILENAME ":" FNR }' "${with_statements[@]}")"
complain 'only files with `statements!` use transactions' \
    "$(grep -nE '\bTx\b' "${sources[@]}" | grep -vFf <(printf '%s:\n' "${with_statements[@]}") || true)"

python3 tests/imports.py --self-test || broken=1
imports=$(python3 tests/imports.py) || complain 'imports point down, without circles of more than two files' "${imports:-imports.py failed}"
complain 'the command line does not use the doors' \
    "$(grep -rnE '\bcrate::(aws|gallery|oci)\b' crates/server/src/cli crates/server/src/cli.rs || true)"
complain 'the files that ARCHITECTURE.md names exist' \
    "$(grep -oE '`[A-Za-z0-9_./-]+(\.rs|\.py|\.sh|\.md|/)`' ARCHITECTURE.md | tr -d '`' | sort -u | while read -r path; do
        compgen -G "$path" >/dev/null || compgen -G "crates/*/src/$path" >/dev/null || echo "$path"
    done)"
links=$(python3 tests/links.py) || complain 'links between documents lead somewhere, and docs/SUMMARY.md lists every page once' "${links:-links.py failed}"
complain 'a module is named after its content' \
    "$(find crates -regextype posix-extended -regex '.*/(utils?|helpers?|common|types|managers?|services?|handlers?)(\.rs)?' -not -path '*/target/*')"

[ "$broken" = 0 ] && echo 'house rules: kept'
exit "$broken"
