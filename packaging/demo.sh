#!/usr/bin/env bash
# A login over real ssh with a second factor, to look at. All of it happens in private namespaces over a throw-away
# copy of the file system; of the real system only missing packages are installed and target/ is built.
set -euo pipefail

here=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd)
readonly here checkout=${here%/*}
# shellcheck source=packaging/require.sh
. "$here/require.sh"

readonly PACKAGES=(build-essential pkg-config libpam0g-dev openssh-server openssh-client oathtool passwd util-linux iproute2)
readonly PASSWORD='open sesame'
# Inside only: over the throw-away /run.
readonly STATE=/run/demo

main() {
    outcome='FAILED: it did not get to its end'
    case ${1-} in
        '' | --auto) outside "${1-}" ;;
        --inside) inside "${2-}" ;;
        -h | --help) usage ;;
        *)
            printf 'error: unknown argument %s\nhint: see how it is used: demo.sh --help\n' "$1" >&2
            exit 2
            ;;
    esac
}

usage() {
    cat <<'EOF'
Usage: demo.sh [--auto]

Enrols a user with an authenticator app and logs in over ssh, in private namespaces: nothing on the real system
changes, except that missing Debian packages are installed.

  --auto      let a program answer instead of you and show the transcript
  -h, --help  show this
EOF
}

outside() {
    trap 'echo "demo: $outcome"' EXIT
    require_root packaging/demo.sh
    require_cargo
    if [[ -z $1 && ! -t 0 ]]; then
        fail 'there is no terminal to ask you on' 'run it in one, or with --auto'
    fi
    title 'What it needs'
    require_packages "${PACKAGES[@]}"
    echo 'The packages are there. Building the release version; from scratch that takes a minute or two ...'
    # The namespaces see target/ of this checkout and no other place.
    unset CARGO_TARGET_DIR
    # One at a time: a build of the whole workspace unifies features.
    (cd -- "$checkout"; cargo build --quiet --release -p pam-twofactor; cargo build --quiet --release -p twofactor)
    give_back "$checkout/target"
    echo 'Built.'

    local namespaces=(--mount --pid --net --uts --ipc --fork --kill-child)
    unshare "${namespaces[@]}" true 2>/dev/null ||
        fail 'this machine does not let root make namespaces' 'run it in a virtual machine, or in a privileged container'
    exec unshare "${namespaces[@]}" -- bash "$here/demo.sh" --inside "$1"
}

inside() {
    trap 'echo; echo "demo: $outcome"' EXIT
    local mode=$1
    # One transcript, in the order in which things happened.
    if [[ $mode == --auto ]]; then
        exec 2>&1
    fi
    become_a_machine
    export LC_ALL=C.UTF-8

    title 'Install'
    show "$checkout/packaging/install.sh"
    useradd --create-home --shell /bin/bash demo
    chpasswd <<<"demo:$PASSWORD"
    cp -- "$checkout/pam.d/sshd" /etc/pam.d/sshd
    start_sshd
    echo "Added the user demo with the password \"$PASSWORD\", put pam.d/sshd in place and started sshd on 127.0.0.1."

    if [[ $mode == --auto ]]; then
        enrol_a_program
    else
        enrol_you
    fi

    expect in 'A login with a code' "$ASK_CODE" "${CODE-}"
    expect out 'The same code again' "$ASK_SAME" "${CODE-}"
    expect in 'A login with a recovery code' "$ASK_RECOVERY" "${RECOVERY-}"
    outcome='passed: the code was accepted, the same code was refused, the recovery code was accepted'
}

# The QR code is for people; programs read JSON, so this one has a device of its own.
enrol_a_program() {
    title 'Enrol: what an administrator sees (the logins below are by a second device, and by codes issued after these)'
    [[ ${TERM:-dumb} != dumb ]] || export TERM=xterm-256color
    show twofactor setup demo --no-confirm --qr terminal
    local device
    device=$(twofactor setup demo --label script --no-confirm --json)
    CODE=$(oathtool --totp --base32 "$(json_text secret "$device")")
    RECOVERY=$(twofactor recovery demo --json | sed 's/.*"recovery_codes":\["\([^"]*\)".*/\1/')
    ASK_CODE='' ASK_SAME='' ASK_RECOVERY=''

    # ssh asks this program instead of a terminal. Who has nothing else to say leaves at the second code prompt.
    cat >$STATE/answer <<'EOF'
#!/bin/sh
case $1 in
    *assword*) answer=$DEMO_PASSWORD ;;
    *) [ ! -e "$DEMO_SAID" ] || { printf '%s^C\n' "$1" >&2; kill "$PPID"; exit 1; }
       : >"$DEMO_SAID"
       answer=$DEMO_ANSWER ;;
esac
printf '%s%s\n' "$1" "$answer" >&2
printf '%s\n' "$answer"
EOF
    chmod 0755 $STATE/answer
    export SSH_ASKPASS=$STATE/answer SSH_ASKPASS_REQUIRE=force DEMO_PASSWORD=$PASSWORD DEMO_SAID=$STATE/said
}

enrol_you() {
    title 'Enrol: scan the code with an authenticator app, type what it shows'
    echo "Without a phone, in another terminal: oathtool --totp --base32 'THE SECRET'"
    show twofactor setup demo
    ASK_CODE="The password is \"$PASSWORD\"; then the next code that your app shows: the one that you just used is spent."
    ASK_SAME="The password, then the same code once more. It is refused; then press Ctrl-C."
    ASK_RECOVERY='The password, then one of the recovery codes from above.'
    # Ctrl-C ends ssh, not the demo.
    trap : INT
}

# Logs in and compares what happened with what has to: in or out.
expect() {
    local expected=$1 happened=out
    title "$2"
    [[ -z $3 ]] || echo "$3"
    rm -f -- $STATE/said
    echo '$ ssh demo@127.0.0.1 id'
    # The inner redirection is ssh's; the outer one keeps bash from announcing that ssh was interrupted.
    local try
    for try in 1 2 3; do
        if { DEMO_ANSWER=$4 ssh "${SSH[@]}" demo@127.0.0.1 id 2>&3; } 3>&2 2>/dev/null; then
            happened=in
        fi
        # People mistype what they cannot see; a program does not.
        if [[ $happened == "$expected" && ($happened == in || $(judged) == yes) || -z $3 || $try == 3 ]]; then
            break
        fi
        echo 'That was not it. Once more:'
    done
    if [[ $happened != "$expected" ]]; then
        printf '\nsshd said:\n'
        tail -n 20 $STATE/sshd.log
        outcome="FAILED: \"$2\" should have ended $expected and ended $happened"
        exit 1
    fi
    if [[ $happened == out ]]; then
        if [[ $(judged) == no ]]; then
            outcome="FAILED: \"$2\" ended out before any code was judged"
            exit 1
        fi
        echo 'Refused, as it must be.'
    fi
}

# Whether a code was refused since the last success; a login may also end at the password.
judged() {
    case $(twofactor status demo --json) in
        *'"failures":0,'*) echo no ;;
        *) echo yes ;;
    esac
}

start_sshd() {
    ssh-keygen -q -t ed25519 -N '' -f $STATE/host_key
    echo "127.0.0.1 $(cut -d' ' -f1,2 $STATE/host_key.pub)" >$STATE/known_hosts
    cat >$STATE/sshd_config <<EOF
ListenAddress 127.0.0.1
HostKey $STATE/host_key
UsePAM yes
KbdInteractiveAuthentication yes
PasswordAuthentication no
EOF
    /usr/sbin/sshd -f $STATE/sshd_config -E $STATE/sshd.log
    # Tried once a second until sshd listens. Nothing of the caller's settings, keys or agent is used.
    SSH=(-F none -o ConnectionAttempts=10 -o "UserKnownHostsFile=$STATE/known_hosts" -o StrictHostKeyChecking=yes
        -o PreferredAuthentications=keyboard-interactive -o NumberOfPasswordPrompts=1 -o LogLevel=ERROR)
}

# The inside of the new namespaces becomes a machine of its own: the real file system, to be written on freely, since
# what is written goes to memory and is gone in the end.
become_a_machine() {
    mount --make-rprivate /
    # Hides the real /run from this namespace alone, and leaves no directory behind on the disk.
    local stage=/run place
    mount -t tmpfs -o mode=0755 demo "$stage"
    local machine=$stage/machine
    mkdir "$machine"
    overlay / "$machine"
    # An overlay shows one file system; these may be others.
    for place in /usr /var /etc /home; do
        if mountpoint -q "$place"; then
            overlay "$place" "$machine$place"
        fi
    done

    mount -t proc proc "$machine/proc"
    mount -t tmpfs -o mode=1777 demo "$machine/tmp"
    mount -t tmpfs -o mode=0755 demo "$machine/run"
    mkdir -p "$machine$STATE" "$machine/run/sshd"
    devices "$machine/dev"
    mkdir -p "$machine$checkout"
    mount --bind "$checkout" "$machine$checkout"
    mount -o remount,bind,ro "$machine$checkout"

    cd "$machine"
    pivot_root . .
    umount -l .
    cd /
    hostname demo
    ip link set lo up
    printf '127.0.0.1 localhost demo\n::1 localhost\n' >/etc/hosts
    # What a real installation or an earlier one may have left.
    rm -rf /etc/twofactor /var/lib/twofactor /etc/nologin
    if getent passwd demo >/dev/null; then
        userdel --force demo
    fi
    rm -rf /home/demo
}

overlay() {
    local layers
    layers=$(mktemp -d /run/layers.XXXXXX)
    mkdir "$layers/upper" "$layers/work"
    chmod 0755 "$layers/upper"
    mount -t overlay -o "lowerdir=$1,upperdir=$layers/upper,workdir=$layers/work" demo "$2"
}

# Terminals of its own, since the real /dev/pts may not let anybody make one.
devices() {
    local name minor
    mount -t tmpfs -o mode=0755 demo "$1"
    while read -r name major minor; do
        mknod -m 0666 "$1/$name" c "$major" "$minor"
    done <<'EOF'
null 1 3
zero 1 5
full 1 7
random 1 8
urandom 1 9
tty 5 0
EOF
    mkdir "$1/pts" "$1/shm"
    mount -t devpts -o newinstance,gid=5,mode=0620,ptmxmode=0666 demo "$1/pts"
    mount -t tmpfs -o mode=1777 demo "$1/shm"
    ln -s pts/ptmx "$1/ptmx"
    ln -s /proc/self/fd "$1/fd"
    ln -s fd/0 "$1/stdin"
    ln -s fd/1 "$1/stdout"
    ln -s fd/2 "$1/stderr"
}

json_text() {
    sed -n "s/.*\"$1\":\"\([^\"]*\)\".*/\1/p" <<<"$2"
}

title() {
    printf '\n== %s\n' "$1"
}

show() {
    echo "\$ ${*/#"$checkout/"/}"
    "$@"
}

main "$@"
