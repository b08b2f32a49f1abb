#!/usr/bin/env bash
# Makes the systems that the package is tested on, one directory each in target/systems: this machine's own release of
# Debian or Ubuntu and the next one, from the mirror that apt uses here. What is there already is kept.
#
# Another one is made beside them by its name, a mirror and the keys that it is signed with. All three are tested then:
#   bash tests/systems.sh noble http://archive.ubuntu.com/ubuntu /usr/share/keyrings/ubuntu-archive-keyring.gpg
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
    if (($# == 3)) && [[ ! -d $systems/$1 ]]; then
        make "$1" "$systems/$1" "$2" --keyring="$3" &
        making+=($!)
    fi
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
    local included=${INCLUDED[*]} script=$1
    # What this debootstrap has not heard of yet is made as every Ubuntu since 2007.
    [[ -e /usr/share/debootstrap/scripts/$script ]] || script=gutsy
    rm -rf -- "$2.new"
    debootstrap "${@:4}" --variant=minbase --include="${included// /,}" "$1" "$2.new" "$3" "$script"
    rm -rf -- "$2.new"/var/cache/apt/archives/*.deb "$2.new"/var/lib/apt/lists/*
    mv -- "$2.new" "$2"
}

main "$@"
