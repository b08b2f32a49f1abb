#!/usr/bin/env bash
# Builds the RPM. It can be built on any system that has rpmbuild, Debian included; nothing is written into the checkout
# but target/.
set -euo pipefail

here=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd)
readonly here checkout=${here%/*}
# shellcheck source=packaging/require.sh
. "$here/require.sh"
# shellcheck source=packaging/release.sh
. "$here/release.sh"

main() {
    read_arguments "$@"
    command -v rpmbuild >/dev/null ||
        fail 'rpmbuild is missing' 'install it: dnf install rpm-build, or on Debian: apt-get install rpm'
    require_cargo
    build_release

    place=$(mktemp -d)
    trap 'rm -rf -- "$place"' EXIT
    pack >&2
    mkdir -p -- "$output"
    for package in "$place"/RPMS/*/*.rpm; do
        cp -- "$package" "$output"
        echo "$output/${package##*/}"
    done
}

usage() {
    cat <<'USAGE'
Usage: build-rpm.sh [--output DIR]

Builds the RPM of this checkout for this kind of machine, and prints where it is. What `cargo build --release` has made
already is not made again.

  --output DIR  put it into DIR instead of target/packages
  -h, --help    show this
USAGE
}

# A version such as 0.2.0-rc.1 comes before 0.2.0. The same checkout makes the same bytes. Cargo does not hear of the
# time, or it would build the C code anew.
pack() {
    local version
    version=$(release_version)
    SOURCE_DATE_EPOCH=$(source_date) rpmbuild -bb --quiet \
        --define "_topdir $place" \
        --define "_buildhost localhost" \
        --define 'use_source_date_epoch_as_buildtime 1' \
        --define 'clamp_mtime_to_source_date_epoch 1' \
        --define 'source_date_epoch_from_changelog 0' \
        --define "checkout $checkout" \
        --define "twofactor_version ${version/-/\~}" \
        "$here/pam-twofactor.spec"
}

main "$@"
