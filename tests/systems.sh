#!/usr/bin/env bash
# Makes the systems that the package is tested on, one directory each in target/systems: this machine's own release of
# Debian or Ubuntu and the next one, from the mirror that apt uses here. What is there already is kept.
set -euo pipefail
cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.."

# What people log in with, what makes a package's users and directories, and what breaks things.
readonly INCLUDED=(openssh-server openssh-client sudo systemd strace)

main() {
    local own systems mirror
    own=$(. /etc/os-release && echo "$VERSION_CODENAME")
    systems=$(realpath -m -- "${CARGO_TARGET_DIR:-target}")/systems
    # shellcheck disable=SC2016  # apt's own variable
    mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Identifier: Packages' "Codename: $own" 'Component: main' |
        sed -n 1p)
    mkdir -p -- "$systems"
    local system made making=()
    for system in "$own" $(next "$own"); do
        if [[ ! -d $systems/$system ]]; then
            make "$system" "$systems/$system" "$mirror" &
            making+=($!)
        fi
    done
    for made in "${making[@]}"; do
        wait "$made"
    done
}

# What was built for this one has to work there.
next() {
    case $1 in
        bookworm) echo trixie ;;
    esac
}

# Under another name until it is whole.
make() {
    local included=${INCLUDED[*]}
    rm -rf -- "$2.new"
    debootstrap --variant=minbase --include="${included// /,}" "$1" "$2.new" "$3"
    rm -rf -- "$2.new"/var/cache/apt/archives/*.deb "$2.new"/var/lib/apt/lists/*
    mv -- "$2.new" "$2"
}

main "$@"
