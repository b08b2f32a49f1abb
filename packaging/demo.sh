#!/usr/bin/env bash
# Logins over real ssh with a second factor, to look at. All of it happens in private namespaces over a throw-away
# copy of the file system; of the real system only missing packages are installed and target/ is built.
set -euo pipefail

here=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd)
readonly here checkout=${here%/*}
# shellcheck source=packaging/require.sh
. "$here/require.sh"

readonly PACKAGES=(build-essential pkg-config libpam0g-dev openssh-server openssh-client oathtool passwd util-linux
    iproute2)
readonly PASSWORD='open sesame'
# Inside only: over the throw-away /run and /var.
readonly STATE=/run/demo MAIL=/var/spool/twofactor

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

Enrols users with an authenticator app and with a mail address, logs in over ssh, and shows the way back in when the
phone is lost. It does so in private namespaces: nothing on the real system changes, except that missing Debian packages
are installed. No mail leaves the machine.

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
    local package
    for package in pam-twofactor twofactor twofactor-deliver; do
        (cd -- "$checkout"; cargo build --quiet --release -p "$package")
    done
    give_back "$checkout/target"
    echo 'Built.'

    local namespaces=(--mount --pid --net --uts --ipc --fork --kill-child)
    # A container may let root make a network and not let it be used.
    unshare "${namespaces[@]}" ip link set lo up 2>/dev/null ||
        fail 'this machine does not let root make namespaces' \
            'run it in a virtual machine, or in a privileged container'
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
    local user
    for user in alice bob; do
        useradd --create-home --shell /bin/bash "$user"
        chpasswd <<<"$user:$PASSWORD"
    done
    cp -- "$checkout/pam.d/sshd" /etc/pam.d/sshd
    start_sshd
    cat <<EOF
Added the users alice and bob with the password "$PASSWORD", put pam.d/sshd in place and started sshd on 127.0.0.1.
EOF

    if [[ $mode == --auto ]]; then
        enrol_a_program
    else
        enrol_you
    fi
    expect in alice 'A login with a code' "$ASK_CODE" "${CODE-}"
    expect out alice 'The same code again' "$ASK_SAME" "${CODE-}"
    expect in alice 'A login with a recovery code' "$ASK_RECOVERY" "${RECOVERY-}"

    configure_mail
    [[ $mode == --auto ]] || let_ssh_ask a-person
    expect in bob 'A login with a code that is mailed' "$ASK_MAIL" THE_CODE
    ask_the_administrator
    give_a_bypass_code
    expect in alice 'A login with the bypass code' "$ASK_BYPASS" "$BYPASS"
    outcome='passed: a code was accepted once, and so were a recovery code, a mailed code and a bypass code'
}

# The QR code is for people; programs read JSON, so this one has a device of its own.
enrol_a_program() {
    title 'Enrol: what an administrator sees (the logins below are by a second device, and by codes issued after these)'
    [[ ${TERM:-dumb} != dumb ]] || export TERM=xterm-256color
    show twofactor setup alice --no-confirm --qr terminal
    local device
    device=$(twofactor setup alice --label script --no-confirm --json)
    CODE=$(oathtool --totp --base32 "$(json_text secret "$device")")
    RECOVERY=$(twofactor recovery alice --json | sed 's/.*"recovery_codes":\["\([^"]*\)".*/\1/')
    ASK_CODE='' ASK_SAME='' ASK_RECOVERY='' ASK_MAIL='' ASK_HELP='' ASK_BYPASS=''
    let_ssh_ask a-program
}

enrol_you() {
    title 'Enrol: scan the code with an authenticator app, type what it shows'
    echo "Without a phone, in another terminal: oathtool --totp --base32 'THE SECRET'"
    show twofactor setup alice
    ASK_CODE="You are alice. The password is \"$PASSWORD\"; then the next code that your app shows: the one that you"
    ASK_CODE+=' just used is spent.'
    ASK_SAME="The password, then the same code once more. It is refused; then press Ctrl-C."
    ASK_RECOVERY='The password, then one of the recovery codes from above.'
    ASK_MAIL='You are bob now. The same password, then the code out of the mail.'
    ASK_HELP='You are alice again and have lost the phone. The password, then ?, then the number of the line with the'
    ASK_HELP+=$' administrator.\nThen press Ctrl-C.'
    ASK_BYPASS='The password, then the code that the administrator has read to you.'
    # Ctrl-C ends ssh, not the demo.
    trap : INT
}

# Mail without a server: the sender puts it into a directory, where anybody may look who may.
configure_mail() {
    title 'Codes by mail'
    cat >/etc/twofactor/config.toml <<'EOF'
methods = ["totp", "email", "recovery"]
rescue_mail = "helpdesk@example.org"
[mail]
from = "twofactor@example.org"
[mail.maildir]
EOF
    show cat /etc/twofactor/config.toml
    echo
    echo 'bob has no app but a mailbox. --no-confirm: here he need not type in a code to prove that it is his.'
    local setup=(twofactor setup bob --method email --address bob@example.org --no-confirm)
    # A transcript is no terminal, and recovery codes go to nothing else unless that is said.
    [[ -t 1 ]] || setup+=(--qr none)
    show "${setup[@]}"
}

# A program that ssh asks instead of the terminal: it shows the mail that a prompt speaks of before it answers, or
# before it has you answer.
let_ssh_ask() {
    cat >$STATE/mail <<EOF
#!/bin/sh
# Shows the mail that has come since the last time, and waits for it if there is none yet.
for try in 1 2 3 4 5 6 7 8 9 10; do
    for mail in $MAIL/new/*; do
        [ -e "\$mail" ] || continue
        printf '\nThe mail in $MAIL/new:\n\n'
        # Lines that were broken on the way (RFC 2045 section 6.7) in one piece, as a mail program shows them.
        sed -e ':line' -e '/=\$/{N;s/=\n//;b line' -e '}' -e 's/^/    | /' "\$mail"
        echo
        mv -- "\$mail" $MAIL/cur/
        cp -- $MAIL/cur/"\${mail##*/}" $STATE/last-mail
        exit 0
    done
    sleep 0.5
done
exit 1
EOF
    cat >$STATE/a-program <<'EOF'
#!/bin/sh
# The next line of what was prepared. Who has nothing else to say leaves.
case $1 in
    *assword*) answer=$DEMO_PASSWORD ;;
    *) answer=$(sed -n 1p "$DEMO_ANSWERS")
       sed -i 1d "$DEMO_ANSWERS" ;;
esac
case $1 in
    *'(sent to '* | *'on its way'* | *'asked for help'*) "$DEMO_MAIL" >&2 ;;
esac
case $answer in
    '') printf '%s^C\n' "$1" >&2; kill "$PPID"; exit 1 ;;
    THE_CODE) answer=$(sed -n 's/^Subject: \([0-9]*\) .*/\1/p' "$DEMO_LAST_MAIL") ;;
    THE_ADMINISTRATOR) answer=$(printf '%s' "$1" | sed -n 's/^ *\([0-9]*\)  ask the administrator.*/\1/p') ;;
esac
printf '%s%s\n' "$1" "$answer" >&2
printf '%s\n' "$answer"
EOF
    cat >$STATE/a-person <<'EOF'
#!/bin/bash
exec 3<>/dev/tty
trap 'stty "$DEMO_TERMINAL" <&3' EXIT
stty -echo <&3
case $1 in
    *' ago, ?'*) ;;
    *'(sent to '* | *'on its way'* | *'asked for help'*) "$DEMO_MAIL" >&3 ;;
esac
printf '%s' "$1" >&3
read -r answer <&3 || exit 1
echo >&3
printf '%s\n' "$answer"
EOF
    chmod 0755 $STATE/mail $STATE/a-program $STATE/a-person
    export SSH_ASKPASS=$STATE/$1 SSH_ASKPASS_REQUIRE=force
    if [[ $1 == a-person ]]; then
        DEMO_TERMINAL=$(stty -g)
        export DEMO_TERMINAL
    fi
    export DEMO_PASSWORD=$PASSWORD DEMO_ANSWERS=$STATE/answers DEMO_MAIL=$STATE/mail DEMO_LAST_MAIL=$STATE/last-mail
}

# Logs in and compares what happened with what has to: in or out, and who, how it is called, what to tell you, and what
# a program answers.
expect() {
    local expected=$1 user=$2 happened=out
    title "$3"
    [[ -z $4 ]] || echo "$4"
    # People mistype what they cannot see; a program does not.
    local try
    for try in 1 2 3; do
        if log_in "$user" "$5"; then
            happened=in
        fi
        if [[ $happened == "$expected" && ($happened == in || $(judged "$user") == yes) || -z $4 || $try == 3 ]]; then
            break
        fi
        echo 'That was not it. Once more:'
    done
    if [[ $happened != "$expected" ]]; then
        failed "\"$3\" should have ended $expected and ended $happened"
    fi
    if [[ $happened == out ]]; then
        if [[ $(judged "$user") == no ]]; then
            failed "\"$3\" ended out before any code was judged"
        fi
        echo 'Refused, as it must be.'
    fi
}

# As this user, with these answers of a program.
log_in() {
    printf '%s\n' "${@:2}" >$STATE/answers
    echo "\$ ssh $1@127.0.0.1 id"
    # The inner redirection is ssh's; the outer one keeps bash from announcing that ssh was interrupted.
    { ssh "${SSH[@]}" "$1@127.0.0.1" id 2>&3; } 3>&2 2>/dev/null
}

ask_the_administrator() {
    title 'The phone is lost: ask the administrator'
    [[ -z $ASK_HELP ]] || echo "$ASK_HELP"
    local try
    for try in 1 2 3; do
        log_in alice '?' THE_ADMINISTRATOR || true
        if grep -qs '^To: .*helpdesk@example.org' $STATE/last-mail; then
            # Whoever pressed Ctrl-C is still on the line of the prompt.
            [[ -z $ASK_HELP ]] || echo
            echo 'Nothing was granted.'
            return
        fi
        [[ -n $ASK_HELP && $try != 3 ]] || failed 'nobody asked the administrator'
        echo 'That was not it. Once more:'
    done
}

# Exactly what the mail says, and only that.
give_a_bypass_code() {
    title 'The administrator calls alice back and does what the mail says'
    local command
    command=$(grep -o 'twofactor bypass .*' $STATE/last-mail)
    [[ $command == 'twofactor bypass alice' ]] || failed "the mail says: $command"
    echo "\$ $command"
    command=$(twofactor bypass alice)
    echo "$command"
    BYPASS=$(grep -oE '[0-9a-z]{4}(-[0-9a-z]{4}){3}' <<<"$command")
}

failed() {
    printf '\nsshd said:\n'
    tail -n 20 $STATE/sshd.log
    outcome="FAILED: $1"
    exit 1
}

# Whether a code was refused since the last success; a login may also end at the password.
judged() {
    case $(twofactor status "$1" --json) in
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
    rm -rf /etc/twofactor /var/lib/twofactor "$MAIL" /etc/nologin
    local user
    for user in alice bob; do
        if getent passwd "$user" >/dev/null; then
            userdel --force "$user"
        fi
        rm -rf -- "/home/${user:?}"
    done
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
