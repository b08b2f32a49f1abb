#!/usr/bin/env bash
# Builds the Debian package. debhelper works beside a copy of the sources: nothing is written into the checkout but
# target/.
set -euo pipefail

here=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd)
readonly here checkout=${here%/*}
# shellcheck source=packaging/require.sh
. "$here/require.sh"
# shellcheck source=packaging/release.sh
. "$here/release.sh"

# Older than every revision that Debian itself could make of the same version.
readonly REVISION=0.1

main() {
    read_arguments "$@"
    { command -v dpkg-buildpackage && command -v dh; } >/dev/null ||
        fail 'the tools that make Debian packages are missing' 'install them: apt-get install dpkg-dev debhelper'
    require_cargo
    cd -- "$checkout"
    build_release
    # A build needs less than what is read of the crates here.
    cargo fetch --quiet --locked

    place=$(mktemp -d)
    trap 'rm -rf -- "$place"' EXIT
    lay_out "$place/source"
    (cd -- "$place/source" && dpkg-buildpackage --build=binary --no-sign --no-pre-clean >&2)
    mkdir -p -- "$output"
    cp -- "$place"/*.deb "$output"
    for package in "$place"/*.deb; do
        echo "$output/${package##*/}"
    done
}

usage() {
    cat <<'USAGE'
Usage: build-deb.sh [--output DIR]

Builds the Debian package of this checkout for this machine and its release of Debian, and prints where it is. What
`cargo build --release` has made already is not made again. DEBEMAIL and DEBFULLNAME say who maintains it.

  --output DIR  put it into DIR instead of target/packages
  -h, --help    show this
USAGE
}

# What is packed, and debian/ with what only a build can know.
lay_out() {
    mkdir -- "$1"
    cp -r -- packaging pam.d docs CHANGELOG.md LICENSE README.md "$1"
    mv -- "$1/packaging/debian" "$1/debian"
    common >"$1/common"
    sed -i -e "/^#COMMON#\$/ { r $1/common" -e 'd }' "$1"/debian/pam-twofactor.p*
    if [[ -n ${DEBEMAIL-} ]]; then
        sed -i "s/^Maintainer: .*/Maintainer: ${DEBFULLNAME:-$DEBEMAIL} <$DEBEMAIL>/" "$1/debian/control"
    fi
    changelog "$(sed -n 's/^Maintainer: //p' "$1/debian/control")" >"$1/debian/changelog"
    crates >>"$1/debian/copyright"
}

# What the maintainer scripts share, and how every kind of package looks for the stacks in use.
common() {
    cat -- packaging/debian/common.sh
    sed -n '/^# The stacks below/,/^$/p' packaging/pam-twofactor.pre-deinstall
}

changelog() {
    local version
    version=$(release_version)
    SOURCE_DATE_EPOCH=$(source_date)
    export SOURCE_DATE_EPOCH
    # A version such as 0.2.0-rc.1 comes before 0.2.0.
    cat <<CHANGELOG
pam-twofactor (${version/-/\~}-$REVISION) unstable; urgency=medium

  * What is new is in the changelog of the program.

 -- $1  $(date -R -u -d "@$SOURCE_DATE_EPOCH")
CHANGELOG
}

# A paragraph for each crate that is linked in: whose it is, and on which of the terms that it offers we take it.
crates() {
    local sources crate terms directory
    sources=$(cargo metadata --format-version 1 --locked --offline | grep -o '"manifest_path":"[^"]*/Cargo.toml"')
    while IFS='|' read -r crate terms; do
        directory=$(grep -o "/[^\"]*/$crate/" <<<"$sources") || fail "$crate has no sources here" 'run: cargo fetch'
        printf 'Files: crates/%s/*\nCopyright: %s\nLicense: %s\n\n' \
            "$crate" "$(holders "$directory" | sed '2,$ s/^/ /')" "$(taken "$terms")"
    done < <(linked)
}

linked() {
    local part target
    target=$(rustc -vV | sed -n 's/^host: //p')
    for part in "${PARTS[@]}"; do
        cargo tree --locked --offline -p "$part" --edges normal,no-proc-macro --target "$target" --prefix none \
            --format '{p}|{l}'
    done | sed -n '/(\//!{ s/ v/-/; s/ (\*)$//; p }' | sort -u
}

holders() {
    local lines
    lines=$(find "$1" -maxdepth 1 -type f \( -iname 'licen[cs]e*' -o -iname 'copyright*' \) -exec cat -- {} + |
        grep -iE '^[/ *]*copyright (\(c\)|©|[0-9])' | grep -vF yyyy |
        sed -E 's/^[/ *]*copyright *(\(c\)|©)? *//I; s/\.? *all rights reserved\.?$//I' | sort -u)
    echo "${lines:-the authors of $(basename -- "$1")}"
}

taken() {
    case $1 in
        *' AND '*) echo "${1// AND / and }" ;;
        MIT | *'OR MIT' | 'MIT OR'* | *' OR MIT OR '*) echo Expat ;;
        *Apache-2.0*) echo Apache-2.0 ;;
        *) echo "$1" ;;
    esac
}

main "$@"
