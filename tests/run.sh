#!/usr/bin/env bash
# Everything that has to hold before a change is taken: installs what that needs and runs all of it.
# Exit status 0 if all of it passed. A step that fails does not keep the later ones from running.
set -euo pipefail
cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.."

# shellcheck source=packaging/require.sh
. packaging/require.sh

readonly PACKAGES=(
    # to build
    build-essential binutils pkg-config libpam0g-dev shellcheck
    # the programs that people log in with
    openssh-server openssh-client sudo login passwd util-linux bsdutils libpam-modules
    # what others do, to be compared with
    libpam-google-authenticator libpam-oath
    # codes and QR codes that are not our own
    oathtool zbar-tools
    # real terminals, and a picture of them
    xterm rxvt-unicode tmux xvfb x11-utils imagemagick fonts-dejavu-core
    # a real browser, for the pages that the tool writes, and what they are on paper
    chromium poppler-utils
    # manual pages, and shells that complete
    mandoc man-db groff-base bash-completion zsh fish
    # namespaces, injected faults and what is used up
    iproute2 strace time
    # packages, and what their own checkers say; systems to install them on
    dpkg-dev debhelper lintian debootstrap rpm rpmlint makepkg libarchive-tools fakeroot libcap2-bin
    # profiles for AppArmor and SELinux, bills of materials
    apparmor checkpolicy semodule-utils selinux-utils selinux-policy-dev setools jq python3 python3-venv
    # a mail server with passwords, and who speaks TLS to our own servers
    postfix sasl2-bin libsasl2-modules openssl curl
)
readonly CARGO_DENY=0.20.2
readonly CYCLONEDX=11.12.0
# A hung test must not hang whoever waits for it.
readonly TESTS_LONGEST=40m FUZZING_LONGEST=15m

main() {
    require_root tests/run.sh
    require_cargo
    target=$(realpath -m -- "${CARGO_TARGET_DIR:-target}")
    logs=$target/run
    mkdir -p "$logs"
    failed=()
    trap 'give_back "$target"' EXIT
    export CARGO_TERM_COLOR=never

    step 'packages' packages
    step 'crates' fetch
    step 'format' format
    step 'shell scripts' shellcheck --external-sources .ci/run .cargo/*.sh packaging/*.sh packaging/debian/*.p* \
        packaging/{PKGBUILD,APKBUILD} packaging/pam-twofactor.pre-* tests/*.sh tests/fuzz/*.sh
    step 'lints' cargo clippy --workspace --all-targets -- -D warnings
    step 'documentation' document
    step 'cargo-deny' install_cargo_deny
    step 'licences and sources' licences
    step 'CycloneDX' install_cyclonedx
    step 'SELinux policy' unpack_selinux_policy
    # One at a time: a build of the whole workspace unifies features, and the module would carry what the tool needs.
    step 'the module' cargo build --release -p pam-twofactor
    step 'the tool' cargo build --release -p twofactor
    step 'the sender' cargo build --release -p twofactor-deliver
    step 'the Debian package' package
    step 'release checks' bash packaging/check.sh
    step 'systems' timeout -k 30s 10m bash tests/systems.sh
    # The same for everybody: whoever looks for more feeds them longer, without SEED.
    step 'fuzzing' timeout -k 30s "$FUZZING_LONGEST" env SEED=1 bash tests/fuzz/run.sh 5
    step 'the demonstration' timeout -k 30s 5m bash packaging/demo.sh --auto
    step 'tests' timeout -k 30s "$TESTS_LONGEST" cargo test --workspace --no-fail-fast
    verdict
}

# Runs one step without a terminal and without input; what it says is shown only if it fails.
step() {
    local name=$1 started=$SECONDS log
    shift
    log="$logs/${name// /-}.log"
    printf '%-22s ' "$name"
    # A step of its own shell: not in an `if`, where set -e would not hold inside it.
    set +e
    (
        set -e
        "$@"
    ) </dev/null >"$log" 2>&1
    local status=$?
    set -e
    if ((status == 0)); then
        printf 'ok      %4d s\n' $((SECONDS - started))
        return
    fi
    failed+=("$name")
    printf 'FAILED  %4d s  (exit status %d; all of it in %s)\n' $((SECONDS - started)) "$status" "$log"
    failure "$log" | sed 's/^/    /'
}

# Of tests, what failed; of anything else, how it ended.
failure() {
    if grep -q '^failures:' "$1"; then
        sed -n '/^failures:/,/^test result:/p' "$1" | tail -n 200
    else
        tail -n 60 "$1"
    fi
}

# Postfix is here to run in sandboxes: nothing is configured outside, and it must not push another mail server off.
packages() {
    if command -v debconf-set-selections >/dev/null && ! command -v postfix >/dev/null; then
        echo 'postfix postfix/main_mailer_type select No configuration' | debconf-set-selections
    fi
    echo 'APT::Get::Remove "false";' >"$logs/apt.conf"
    APT_CONFIG=$logs/apt.conf require_packages "${PACKAGES[@]}"
}

# All crates at once, so that the later steps need no network.
fetch() {
    cargo fetch --locked
    cargo fetch --locked --manifest-path tests/fuzz/Cargo.toml
    if ! { cargo fmt --version && cargo clippy --version; } >/dev/null 2>&1; then
        rustup component add rustfmt clippy
    fi
}

format() {
    cargo fmt --all --check -- --color never
    cargo fmt --manifest-path tests/fuzz/Cargo.toml --check -- --color never
}

document() {
    RUSTDOCFLAGS='-D warnings' cargo doc --no-deps --workspace --document-private-items
}

# With none of its mistakes known to lintian; the tests install it.
package() {
    rm -rf -- "$target/packages"
    bash packaging/build-deb.sh
    lintian --fail-on error,warning -- "$target"/packages/*.deb
}

# Kept in target/tools, so only the first run pays for it; and built to be built fast.
install_cargo_deny() {
    if [[ $("$target/tools/bin/cargo-deny" --version 2>/dev/null) == "cargo-deny $CARGO_DENY" ]]; then
        return
    fi
    CARGO_PROFILE_RELEASE_LTO=off CARGO_PROFILE_RELEASE_OPT_LEVEL=1 CARGO_PROFILE_RELEASE_CODEGEN_UNITS=16 \
        cargo install --locked --root "$target/tools" --target-dir "$target/tools/build" "cargo-deny@$CARGO_DENY"
    rm -rf -- "$target/tools/build"
}

# Knows whether a bill of materials is one.
install_cyclonedx() {
    local python=$target/tools/sbom/bin/python
    local version='from importlib.metadata import version; print(version("cyclonedx-python-lib"))'
    if [[ $("$python" -c "$version" 2>/dev/null) != "$CYCLONEDX" ]]; then
        python3 -m venv --clear "$target/tools/sbom"
        "$python" -m pip --quiet --disable-pip-version-check install "cyclonedx-python-lib[json-validation]==$CYCLONEDX"
    fi
}

# To be linked with ours and asked. It is not installed: that would set this system up for SELinux.
unpack_selinux_policy() {
    local place=$target/tools/selinux
    if [[ -e $place/base.pp ]]; then
        return
    fi
    rm -rf -- "$place"
    mkdir -p -- "$place/package"
    (cd -- "$place" && apt-get -qq -o APT::Sandbox::User=root download selinux-policy-default)
    dpkg-deb --extract "$place"/*.deb "$place/package"
    bunzip2 "$place"/package/usr/share/selinux/default/*.bz2
    mv -- "$place"/package/usr/share/selinux/default/*.pp "$place"
    rm -r -- "$place/package" "$place"/*.deb
}

licences() {
    local deny=("$target/tools/bin/cargo-deny" --offline)
    "${deny[@]}" check licenses bans sources
    "${deny[@]}" --manifest-path tests/fuzz/Cargo.toml check licenses bans sources
}

# What cargo counted, and whether every step passed.
verdict() {
    awk '/^test result:/ { passed += $4; failed += $6 } END { printf "%d passed, %d failed\n", passed, failed }' \
        "$logs/tests.log"
    if ((${#failed[@]} > 0)); then
        local names
        names=$(printf ', %s' "${failed[@]}")
        echo "tests: FAILED: ${names:2}"
        exit 1
    fi
    echo 'tests: all passed'
}

main "$@"
