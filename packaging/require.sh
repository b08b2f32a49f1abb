# What both demo.sh and tests/run.sh need from the machine. To be sourced.
# shellcheck shell=bash

# Installs the packages that are missing, and starts none of their services.
require_packages() (
    missing=()
    command -v apt-get >/dev/null ||
        fail 'there is no apt-get here' 'run it on Debian 12 or later; a container or a virtual machine will do'
    for package; do
        if [[ $(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null) != installed ]]; then
            missing+=("$package")
        fi
    done
    if ((${#missing[@]} == 0)); then
        return
    fi

    # Asked before any service is started; 101 means no.
    guard=/usr/sbin/policy-rc.d
    if [[ ! -e $guard ]]; then
        trap 'rm -f -- "$guard"' EXIT
        printf '#!/bin/sh\nexit 101\n' >"$guard"
        chmod 0755 "$guard"
    fi
    echo "Installing ${missing[*]} ..."
    if ! said=$(apt_install "${missing[@]}" 2>&1); then
        printf '%s\n' "$said" >&2
        fail 'the packages could not be installed' "see why above, or install them yourself: ${missing[*]}"
    fi
    # The server is here to be run by hand; it must not come up with the next boot either.
    if [[ " ${missing[*]} " == *' openssh-server '* ]] && command -v systemctl >/dev/null; then
        systemctl --quiet disable ssh.service ssh.socket 2>/dev/null || true
    fi
)

apt_install() {
    local apt=(env DEBIAN_FRONTEND=noninteractive apt-get -qq -o Dpkg::Use-Pty=0 -o DPkg::Lock::Timeout=120)
    "${apt[@]}" update </dev/null && "${apt[@]}" install -y --no-install-recommends "$@" </dev/null
}

# sudo hides the caller's Rust.
require_cargo() {
    local home=${HOME:-/root}
    if [[ -n ${SUDO_USER:-} ]]; then
        home=$(getent passwd "$SUDO_USER" | cut -d: -f6)
    fi
    if ! command -v cargo >/dev/null && [[ -x $home/.cargo/bin/cargo ]]; then
        PATH=$PATH:$home/.cargo/bin
        export PATH RUSTUP_HOME=${RUSTUP_HOME:-$home/.rustup}
    fi
    if ! command -v cargo >/dev/null; then
        fail 'Rust is not installed' 'install it from https://rustup.rs and run this again'
    fi
}

# What was built for somebody who used sudo belongs to them, but not what belongs to the users of a whole system.
give_back() {
    if [[ -n ${SUDO_UID:-} && -n ${SUDO_GID:-} ]]; then
        find "$@" -path '*/systems/*' -prune -o -exec chown -h -- "$SUDO_UID:$SUDO_GID" {} +
    fi
}

require_root() {
    if ((EUID != 0)); then
        fail 'only root can make private namespaces and install packages' "run it with sudo: sudo bash $1"
    fi
}

fail() {
    printf 'error: %s\nhint: %s\n' "$1" "$2" >&2
    exit 1
}
