#!/usr/bin/env bash
# Everything that must be true of what is released, one line for each. Exit status 0 if all of it is.
# Expects a release build in target/release and, in target/tools or in PATH, what tests/run.sh puts there.
# shellcheck disable=SC2317  # checks are called by their names
set -euo pipefail

here=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd)
readonly here checkout=${here%/*}
# shellcheck source=packaging/require.sh
. "$here/require.sh"
# shellcheck source=packaging/release.sh
. "$here/release.sh"

readonly CHECKS=(exports links network hardening paths size privileges licences materials deb rpm reproducible)
readonly MODULE=libpam_twofactor.so TOOL=twofactor SENDER=twofactor-deliver
readonly BINARIES=("$MODULE" "$TOOL" "$SENDER")
# What each may need of the system, beside the dynamic linker, which belongs to libc.
declare -rA LINKS=(
    [$MODULE]='libc.so.6 libgcc_s.so.1 libpam.so.0'
    [$TOOL]='libc.so.6 libgcc_s.so.1 libpam.so.0'
    [$SENDER]='libc.so.6 libgcc_s.so.1'
)
# In KiB. The module is mapped by every host; the others may grow, but not unseen.
declare -rA SIZES=([$MODULE]=700 [$TOOL]=2304 [$SENDER]=2304)
readonly CALLS=(acct_mgmt authenticate chauthtok close_session open_session setcred)

main() {
    local wanted=("${CHECKS[@]}")
    case ${1-} in
        -h | --help) usage && exit ;;
        -*) misused "unknown argument $1" ;;
        ?*) wanted=("$@") ;;
    esac
    local name
    for name in "${wanted[@]}"; do
        [[ " ${CHECKS[*]} " == *" $name "* ]] || misused "unknown check $name"
    done

    target=$(target_directory)
    built=$target/release
    place=$(mktemp -d)
    trap 'rm -rf -- "$place"' EXIT
    for name in "${BINARIES[@]}"; do
        [[ -f $built/$name ]] || fail "$built/$name is not built" 'build it first: see README.md, "Install"'
    done
    failed=0
    for name in "${wanted[@]}"; do
        check "$name"
    done
    exit "$failed"
}

usage() {
    cat <<'USAGE'
Usage: check.sh [CHECK]...

Looks at what is released, and prints a line for each check. Without arguments all of them:

  exports       the module exports what PAM calls, the programs export nothing
  links         each binary needs just the libraries that it is meant to
  network       the module and the tool import nothing that opens a connection
  hardening     RELRO, bound at once, no executable stack, position-independent; the module stays loaded
  paths         no directory of the machine that built is in a binary
  size          none is larger than it may be
  privileges    nothing is setuid, has capabilities or can be written by others
  licences      licences, bans and sources of all crates (cargo-deny)
  materials     the bills of materials are valid, and name every crate that a binary names
  deb           the Debian package (lintian)
  rpm           the RPM (rpmlint)
  reproducible  another build in another place makes the same bytes; takes minutes
USAGE
}

# Whatever a check says is a complaint, an error of a program that it starts included.
check() {
    local said status=0
    said=$("check_$1" 2>&1) || status=$?
    if [[ -z $said && $status -eq 0 ]]; then
        echo "ok      $1"
    else
        failed=1
        said=${said:-it ended with status $status}
        echo "FAILED  $1: ${said//$'\n'/; }"
    fi
}

check_exports() {
    local file
    for file in "${BINARIES[@]}"; do
        expect "$file exports" "$([[ $file != "$MODULE" ]] || echo "${CALLS[*]/#/pam_sm_}")" \
            "$(nm -D --defined-only --format=just-symbols -- "$built/$file")"
    done
}

check_links() {
    local file linker
    # Its name has the architecture in it (ld-linux-x86-64.so.2, ld64.so.2 of ppc64el), and every program says what it is.
    linker=$(readelf --program-headers --wide -- "$built/$TOOL" | sed -n 's|.*program interpreter: .*/\(.*\)\]$|\1|p')
    for file in "${BINARIES[@]}"; do
        expect "$file needs" "${LINKS[$file]}" \
            "$(dynamic "$file" | sed -n 's/.*(NEEDED).*\[\(.*\)\]$/\1/p' | grep -vxF -- "$linker")"
    done
}

# Rust's library hands descriptors between parent and child (socketpair, sendmsg), and libc has its own for syslog(3).
check_network() {
    local file
    for file in "$MODULE" "$TOOL"; do
        nm -D --undefined-only --format=just-symbols -- "$built/$file" | sed 's/@.*//' |
            grep -xE 'socket|connect|bind|listen|accept4?|getaddrinfo|gethostby.*|res_.*|sendto|sendmmsg' |
            sed "s/^/$file imports /"
    done
    true
}

check_hardening() {
    local file
    for file in "${BINARIES[@]}"; do
        hardened "$file" | sed "s/^/$file /"
    done
}

hardened() {
    local segments dynamic
    segments=$(readelf --program-headers --wide -- "$built/$1")
    dynamic=$(dynamic "$1")
    grep -q '^Elf file type is DYN' <<<"$segments" || echo 'is not position-independent'
    grep -q 'GNU_RELRO' <<<"$segments" || echo 'has no RELRO'
    grep -qE '\(FLAGS\).*BIND_NOW|\(FLAGS_1\).* NOW' <<<"$dynamic" || echo 'is not bound at once'
    grep -qE 'GNU_STACK .* RW +0' <<<"$segments" || echo 'has an executable stack'
    ! grep -qE '^ +LOAD .* RWE ' <<<"$segments" || echo 'has code that can be written'
    ! grep -qE '\((TEXTREL|RPATH|RUNPATH)\)' <<<"$dynamic" || echo 'has text relocations or a library path of its own'
    if [[ $1 == "$MODULE" ]]; then
        grep -qE '\(FLAGS_1\).* NODELETE' <<<"$dynamic" || echo 'can be unloaded'
    fi
    # Only the sender has C in it (ring).
    if [[ $1 == "$SENDER" ]]; then
        [[ $(nm -D --undefined-only -- "$built/$1") == *' __stack_chk_fail'* ]] ||
            echo 'has C without a stack protector'
    fi
}

# rustc names its own library by a path that is the same everywhere.
check_paths() {
    local file
    for file in "${BINARIES[@]}"; do
        strings -a -- "$built/$file" >"$place/strings"
        {
            grep -oE '/(root|home|build|builds|opt|srv|tmp|var|work)/[^ ]*\.([chsS]|rs|cc|o)\b' "$place/strings" || true
            grep -oF -e "$checkout/" -e "${CARGO_HOME:-$HOME/.cargo}/" "$place/strings" || true
        } | sed "s|^|$file has |; s|\$| in it (built with RUSTC_WRAPPER, or long ago? cargo clean --release)|; 3q"
    done
}

check_size() {
    local file size
    for file in "${BINARIES[@]}"; do
        size=$(stat -c %s -- "$built/$file")
        ((size < SIZES[$file] * 1024)) || echo "$file has $size bytes, ${SIZES[$file]} KiB are allowed"
    done
}

check_privileges() {
    bash "$here/install.sh" --destdir "$place/staged" >/dev/null
    local files=("$place/staged")
    local file
    for file in "${BINARIES[@]}"; do
        files+=("$built/$file")
    done
    find "${files[@]}" ! -type l -perm /7022 -printf '%P%f has mode %m\n'
    getcap -r "${files[@]}"
}

check_licences() {
    local deny=$target/tools/bin/cargo-deny
    [[ -x $deny ]] || deny=cargo-deny
    (cd -- "$checkout" && "$deny" --log-level error --offline check licenses bans sources) >"$place/deny" 2>&1 ||
        complaint "$place/deny" '^error'
}

# That what a binary says of itself is in its bill, shows that the bill is of this build.
check_materials() {
    bash "$here/sbom.sh" "$place/bills" >"$place/bills.log" 2>&1 || {
        complaint "$place/bills.log" .
        return
    }
    local python=$target/tools/sbom/bin/python file
    [[ -x $python ]] || python=python3
    "$python" - "$place"/bills/*.json <<'VALIDATE'
import pathlib, sys
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

for path in map(pathlib.Path, sys.argv[1:]):
    mistake = JsonStrictValidator(SchemaVersion.V1_6).validate_str(path.read_text())
    if mistake:
        print(f"{path.name} is not CycloneDX: {mistake!r:.300}")
VALIDATE
    for file in "${BINARIES[@]}"; do
        jq -r '.components[] | "\(.name)-\(.version)"' "$place/bills/$file.cdx.json" | sort >"$place/$file.crates"
        strings -a -- "$built/$file" >"$place/strings"
        { grep -oE '^[a-z][a-z0-9_-]*-[0-9]+\.[0-9]+\.[0-9]+[^/ ]*/src/' "$place/strings" || echo 'some crate/src/'; } |
            sed 's|/src/$||' | sort -u | comm -23 - "$place/$file.crates" | sed "s/^/the bill of $file lacks /"
    done
}

check_deb() {
    made build-deb.sh deb || return 0
    # What it says, and not that root has asked.
    lintian --allow-root --tag-display-limit 0 -- "$place"/deb/*.deb 2>/dev/null || [[ $? -eq 2 ]]
}

check_rpm() {
    made build-rpm.sh rpm || return 0
    rpmlint --strict --config "$here/rpmlint.toml" "$place"/rpm/*.rpm "$here/pam-twofactor.spec" \
        >"$place/rpmlint" 2>&1 ||
        complaint "$place/rpmlint" ': [EW]: '
}

# From a copy of the sources in a directory with another name, with another home for cargo, in another time zone.
check_reproducible() {
    local other=$place/a/longer/place home=${CARGO_HOME:-$HOME/.cargo} file
    mkdir -p -- "$other/checkout" "$other/cargo/registry"
    tar -c -C "$checkout" --exclude=./target --exclude=./.git . | tar -x -C "$other/checkout"
    cp -r -- "$home"/registry/{cache,index} "$other/cargo/registry"
    [[ ! -e $home/config.toml ]] || cp -- "$home/config.toml" "$other/cargo"
    if ! (
        cd -- "$other/checkout"
        export CARGO_HOME=$other/cargo CARGO_NET_OFFLINE=true RUSTUP_HOME=${RUSTUP_HOME:-$HOME/.rustup}
        export HOME=$other TZ=Asia/Kathmandu LC_ALL=C CARGO_INCREMENTAL=0
        unset CARGO_TARGET_DIR
        for part in "${PARTS[@]}"; do
            cargo build --quiet --release --locked -p "$part"
        done
    ) >"$place/build" 2>&1; then
        complaint "$place/build" '^error'
        return
    fi
    for file in "${BINARIES[@]}"; do
        cmp -- "$built/$file" "$other/checkout/target/release/$file" |
            sed "s/.* differ: /$file is different: /"
    done
}

# A package, made by one of the scripts beside this one into a directory of that name.
made() {
    bash "$here/$1" --output "$place/$2" >"$place/$2.log" 2>&1 || {
        complaint "$place/$2.log" '^error'
        return 1
    }
}

dynamic() {
    readelf --dynamic --wide -- "$built/$1"
}

# What it should be and what it is, each words in any order.
expect() {
    local should is
    should=$(xargs -n1 <<<"$2" | sort | xargs)
    is=$(xargs -n1 <<<"$3" | sort | xargs)
    [[ $should == "$is" ]] || echo "$1 ${is:-nothing}, not ${should:-nothing}"
}

# The first lines of a log that look like what is wrong, or else its end.
complaint() {
    grep -m 5 -E -- "$2" "$1" || tail -n 5 -- "$1"
    [[ -s $1 ]] || echo "it said nothing and failed"
}

main "$@"
