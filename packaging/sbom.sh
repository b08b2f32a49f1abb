#!/usr/bin/env bash
# Says of what each binary is made: one bill of materials (CycloneDX 1.6, JSON) for each, with what is linked in on this
# kind of machine and nothing that only builds or tests need. The same checkout and compiler make the same bytes.
set -euo pipefail

here=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd)
readonly here checkout=${here%/*}
# shellcheck source=packaging/require.sh
. "$here/require.sh"
# shellcheck source=packaging/release.sh
. "$here/release.sh"

main() {
    case ${1-} in
        -h | --help) usage && exit ;;
        '' | -*) misused 'a directory to write to is needed' ;;
    esac
    command -v jq >/dev/null || fail 'jq is missing' 'install it: apt-get install jq'
    require_cargo
    mkdir -p -- "$1"
    local part
    for part in "${PARTS[@]}"; do
        bill "$part" >"$1/${MADE[$part]}.cdx.json"
        echo "$1/${MADE[$part]}.cdx.json"
    done
}

usage() {
    cat <<'USAGE'
Usage: sbom.sh DIR

Writes into DIR of which crates the module, the tool and the sender are made: their versions, licences and digests, and
which brings which; as libpam_twofactor.so.cdx.json, twofactor.cdx.json and twofactor-deliver.cdx.json.
USAGE
}

bill() {
    local compiler host
    compiler=$(cd -- "$checkout" && rustc -vV)
    host=$(sed -n 's/^host: //p' <<<"$compiler")
    jq --null-input --sort-keys \
        --arg part "$1" --arg file "${MADE[$1]}" --arg version "$(release_version)" \
        --arg std "$(sed -n 's/^release: //p' <<<"$compiler")" \
        --arg commit "$(sed -n 's/^commit-hash: //p' <<<"$compiler")" \
        --rawfile tree <(linked "$1" "$host") --rawfile digests <(digests) \
        "$BILL"
}

# depth|name version|licence, each crate below the one that brings it.
linked() {
    (cd -- "$checkout" && cargo tree --locked --offline -p "$1" --edges normal,no-proc-macro --target "$2" \
        --prefix depth --no-dedupe --format '|{p}|{l}')
}

# name version digest, of what came from the registry.
digests() {
    awk -F'"' '/^name = / { name = $2 } /^version = "/ { version = $2 } /^checksum = / { print name, version, $2 }' \
        "$checkout/Cargo.lock"
}

# shellcheck disable=SC2016  # the variables are jq's
readonly BILL='
    ($digests | split("\n") | map(select(. != "") | split(" ") | {("\(.[0])@\(.[1])"): .[2]}) | add) as $digest
    | ($tree | split("\n") | map(select(. != "") | split("|")
        | (.[1] | split(" ")) as $words
        | {depth: (.[0] | tonumber), name: $words[0], version: ($words[1] | ltrimstr("v")), licence: .[2]}
        | .ref = "\(.name)@\(.version)")) as $lines
    # Whoever was last seen one step less deep is who brings it.
    | (reduce $lines[] as $line ({path: [], edges: {}};
        .path = .path[:$line.depth] + [$line.ref]
        | .edges[$line.ref] += []
        | if $line.depth > 0 then .edges[.path[$line.depth - 1]] += [$line.ref] else . end) | .edges) as $edges
    | ($lines[0].ref) as $root
    | "rust-std@\($std)" as $std_ref
    | {
        bomFormat: "CycloneDX", specVersion: "1.6", version: 1,
        metadata: {component: {
            type: (if $file | endswith(".so") then "library" else "application" end),
            "bom-ref": $root, name: $file, version: $version, licenses: [{expression: "MIT"}]}},
        components: (($lines | unique_by(.ref) | map(select(.ref != $root) | {
            type: "library", "bom-ref": .ref, name, version,
            licenses: [{expression: (.licence | gsub("/"; " OR "))}]}
            # Crates of this project came from no registry, and nobody finds an advisory for them under their names.
            + (if $digest[.ref] then {purl: "pkg:cargo/\(.name)@\(.version | @uri)",
                hashes: [{alg: "SHA-256", content: $digest[.ref]}]} else {} end)))
            + [{type: "library", "bom-ref": $std_ref, name: "rust-std", version: $std,
                licenses: [{expression: "MIT OR Apache-2.0"}],
                properties: [{name: "commit", value: $commit}]}]),
        dependencies: ($edges | to_entries | map({ref: .key,
            dependsOn: ((.value | unique) + (if .key == $root then [$std_ref] else [] end))})
            + [{ref: $std_ref}])
    }'

main "$@"
