#!/usr/bin/env bash
# Puts a release build where this distribution looks for it, or takes it away again. Changes no PAM stack.
set -euo pipefail

readonly DOC=/usr/share/doc/pam-twofactor
readonly MAN=/usr/share/man
readonly BASH_COMPLETIONS=/usr/share/bash-completion/completions
readonly ZSH_COMPLETIONS=/usr/share/zsh/site-functions
readonly DEBIAN_ZSH_COMPLETIONS=/usr/share/zsh/vendor-completions
readonly FISH_COMPLETIONS=/usr/share/fish/vendor_completions.d
readonly SPOOL=/var/spool/twofactor
# One at a time: a build of the whole workspace unifies features.
BUILD='cargo build --release -p pam-twofactor && cargo build --release -p twofactor'
BUILD+=' && cargo build --release -p twofactor-deliver'
readonly BUILD
readonly LEAVING='see docs/packaging.md, "From the package to the sources"'

main() {
    local action=install
    destdir='' modules=''
    while (($#)); do
        case $1 in
            --destdir)
                (($# > 1)) || misused '--destdir needs a directory'
                destdir=$(realpath -m -- "$2")
                # This system, by another name.
                [[ $destdir != / ]] || destdir=''
                shift
                ;;
            --moduledir)
                [[ ${2-} == /* ]] || misused '--moduledir needs an absolute path'
                modules=$2
                shift
                ;;
            --uninstall) action=uninstall ;;
            -h | --help) usage && exit ;;
            *) misused "unknown argument $1" ;;
        esac
        shift
    done
    if [[ -z $destdir && $EUID -ne 0 ]]; then
        fail 'only root can install into this system' \
            'run it with sudo, or with --destdir DIR into a directory of your own'
    fi
    if [[ -z $destdir ]] && is_packaged; then
        fail 'the package pam-twofactor is installed here, and these files are its own' \
            "install a newer package instead, or leave it first: $LEAVING"
    fi
    if [[ -z $destdir && $action == install && $(dpkg_has_it) == config-files ]]; then
        fail 'the package pam-twofactor was removed but not purged: a purge would take the settings away from under this' \
            "install it again instead, or leave it altogether first: $LEAVING"
    fi

    root=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.." && pwd)
    built=${CARGO_TARGET_DIR:-$root/target}/release
    umask 022
    "$action"
}

usage() {
    cat <<'EOF'
Usage: install.sh [--destdir DIR] [--moduledir DIR] [--uninstall]

Installs what `cargo build --release` made: the PAM module, the tool, the sender, the default settings, the sample PAM
stacks, the manual pages, completions for bash, zsh and fish, and on Debian and its kin the pam-auth-update profile
(off). It makes the system user twofactor, which messages are sent as. No PAM stack is changed, so nobody is asked for a
code yet. Settings that are there already are kept.

  --destdir DIR    install under DIR instead of /, without the system user and its mail directory
  --moduledir DIR  where libpam looks for modules, if not where this system's own modules are
  --uninstall      remove what was installed; /etc/twofactor, /var/lib/twofactor, mail in /var/spool/twofactor and
                   the system user are kept
  -h, --help       show this
EOF
}

install() {
    local file
    for file in libpam_twofactor.so twofactor twofactor-deliver; do
        [[ -f $built/$file ]] || fail "$built/$file is not built" "build it first: $BUILD"
    done
    [[ -n $modules ]] || modules=$(module_directory) ||
        fail 'no PAM module directory was found for this kind of machine' 'install PAM first; on Debian: libpam-modules'

    if [[ -z $destdir ]]; then
        make_user
        make_spool
    fi
    make_directory 0755 /etc/twofactor
    make_directory 0700 /var/lib/twofactor
    make_directory 0700 /var/lib/twofactor/users
    make_directory 0700 /var/lib/twofactor/state
    each_file put
    if [[ -e $destdir/etc/twofactor/config.toml ]]; then
        say kept /etc/twofactor/config.toml
    else
        put 0644 "$root/packaging/config.toml" /etc/twofactor/config.toml
    fi
    echo "No PAM stack was changed. Next: enrol with \`twofactor setup USER\`, then see $DOC/pam.d."
}

uninstall() {
    # A stack that names a module which is not there refuses every login: nobody could get in to mend it. Looked for as
    # the packages do.
    # shellcheck source=/dev/null
    . <(sed -n '/^stacks()/,/^$/p' "$root/packaging/pam-twofactor.pre-deinstall")
    local users
    users=$(stacks "$destdir")
    if [[ -n $users ]]; then
        fail "PAM still uses pam_twofactor.so and would refuse everybody without it: ${users//$'\n'/, }" \
            'take the lines out first (the profile with: pam-auth-update --disable twofactor), then run this again'
    fi

    modules=${modules:-$(installed_module_directory)}
    each_file take
    local directory
    for directory in "$BASH_COMPLETIONS" "$ZSH_COMPLETIONS" "$DEBIAN_ZSH_COMPLETIONS" "$FISH_COMPLETIONS"; do
        # Of a shell that is there, the directory is not ours, though it may be empty.
        if [[ $(ls -A -- "$destdir${directory%/*}" 2>/dev/null) == "${directory##*/}" ]]; then
            remove_if_empty "$directory" "${directory%/*}"
        fi
    done
    remove_if_empty "$DOC/pam.d" "$DOC" /usr/libexec/twofactor "$SPOOL"
    local kept
    for kept in /etc/twofactor /var/lib/twofactor "$SPOOL"; do
        if [[ -e $destdir$kept ]]; then
            say kept "$kept"
        fi
    done
    if [[ -z $destdir ]] && getent passwd twofactor >/dev/null; then
        say kept 'system user twofactor'
    fi
}

# Everything but settings and records: mode, source, target. One list, so that what comes also goes. The sender is
# first, since it is no use to a module of another release.
each_file() {
    "$1" 0755 "$built/twofactor-deliver" /usr/libexec/twofactor/twofactor-deliver
    "$1" 0644 "$built/libpam_twofactor.so" "$modules/pam_twofactor.so"
    "$1" 0755 "$built/twofactor" /usr/bin/twofactor
    "$1" 0644 "$root/packaging/sysusers.conf" /usr/lib/sysusers.d/twofactor.conf
    "$1" 0644 "$root/packaging/tmpfiles.conf" /usr/lib/tmpfiles.d/twofactor.conf
    "$1" 0644 "$root/LICENSE" "$DOC/LICENSE"
    "$1" 0644 "$root/packaging/completions/twofactor.bash" "$BASH_COMPLETIONS/twofactor"
    if is_debian; then
        "$1" 0644 "$root/packaging/pam-config" /usr/share/pam-configs/twofactor
        "$1" 0644 "$root/packaging/completions/twofactor.zsh" "$DEBIAN_ZSH_COMPLETIONS/_twofactor"
    else
        "$1" 0644 "$root/packaging/completions/twofactor.zsh" "$ZSH_COMPLETIONS/_twofactor"
    fi
    "$1" 0644 "$root/packaging/completions/twofactor.fish" "$FISH_COMPLETIONS/twofactor.fish"
    local page
    for page in "$root"/packaging/man/*; do
        "$1" 0644 "$page" "$MAN/man${page##*.}/${page##*/}"
    done
    local stack
    for stack in "$root"/pam.d/*; do
        "$1" 0644 "$stack" "$DOC/pam.d/${stack##*/}"
    done
}

# Complete under a temporary name first, then renamed: sshd may load the module at any moment, and a process that
# has the old one mapped keeps it whole.
put() {
    local mode=$1 from=$2 to=$destdir$3
    mkdir -p -- "${to%/*}"
    temporary=$(mktemp -- "${to%/*}/.${to##*/}.XXXXXX")
    trap 'rm -f -- "$temporary"' EXIT
    cp -- "$from" "$temporary"
    chmod -- "$mode" "$temporary"
    sync -- "$temporary"
    mv -fT -- "$temporary" "$to"
    trap - EXIT
    say installed "$3"
}

take() {
    local file=$destdir$3
    if [[ -e $file || -L $file ]]; then
        rm -f -- "$file"
        say removed "$3"
    fi
}

remove_if_empty() {
    local directory
    for directory; do
        rmdir --ignore-fail-on-non-empty -- "$destdir$directory" 2>/dev/null || true
    done
}

# Modes are set again when the directory is there already: the module refuses one that others may write to.
make_directory() {
    mkdir -p -- "$destdir$2"
    chmod -- "$1" "$destdir$2"
    if ((EUID == 0)); then
        chown root:root -- "$destdir$2"
    fi
    say directory "$2"
}

is_packaged() {
    [[ $(dpkg_has_it) =~ ^(installed|half-|unpacked|trigger) ]] || rpm -q pam-twofactor >/dev/null 2>&1
}

# `config-files` if it was removed and not purged.
dpkg_has_it() {
    dpkg-query -W -f '${db:Status-Status}' pam-twofactor 2>/dev/null || true
}

# Whoever sends messages; of our files it may read none.
make_user() {
    if getent passwd twofactor >/dev/null; then
        say kept 'system user twofactor'
        return
    fi
    useradd --system --user-group --no-create-home --home-dir /nonexistent \
        --shell "$(command -v nologin || echo /usr/sbin/nologin)" --comment 'Second factor messages' twofactor
    say made 'system user twofactor'
}

# For mail that is put into a Maildir ([mail.maildir]). One that is there already may belong to another deliver_user.
make_spool() {
    if [[ -e $SPOOL || -L $SPOOL ]]; then
        say kept "$SPOOL"
        return
    fi
    mkdir -p -- "${SPOOL%/*}"
    mkdir -m 0700 -- "$SPOOL"
    chown twofactor: -- "$SPOOL"
    say directory "$SPOOL"
}

# Where libpam looks: beside pam_permit.so, and for the same kind of machine as our module, since one system may
# have several (x86-64 and i386).
module_directory() {
    local directory
    while read -r directory; do
        if [[ -f $directory/pam_permit.so && $(machine "$directory/pam_permit.so") == "$(machine "$built/libpam_twofactor.so")" ]]; then
            echo "$directory"
            return
        fi
    done < <(candidates '')
    return 1
}

installed_module_directory() {
    local directory
    while read -r directory; do
        if [[ -f $directory/pam_twofactor.so ]]; then
            echo "${directory#"$destdir"}"
            return
        fi
    done < <(candidates "$destdir")
}

# Real paths first: where /lib is a link into /usr, the file belongs into /usr.
candidates() {
    local directory
    for directory in "$1"/{usr/lib,lib}/*-linux-*/security "$1"/{usr/lib64,lib64,usr/lib,lib}/security; do
        if [[ -d $directory ]]; then
            realpath -- "$directory"
        fi
    done
}

# Debian and what comes from it keep libraries apart by kind of machine, and have pam-auth-update.
is_debian() {
    [[ $modules == */*-linux-*/security || -d $destdir/usr/share/pam-configs ]]
}

# Word size and processor of an ELF file.
machine() {
    od -An -tx1 -j4 -N1 -- "$1"
    od -An -tx1 -j18 -N2 -- "$1"
}

say() {
    printf '%-9s  %s\n' "$1" "$2"
}

fail() {
    printf 'error: %s\nhint: %s\n' "$1" "$2" >&2
    exit 1
}

misused() {
    printf 'error: %s\nhint: see how it is used: install.sh --help\n' "$1" >&2
    exit 2
}

main "$@"
