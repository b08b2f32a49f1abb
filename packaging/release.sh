# What the scripts that make a release and look at it know of the checkout they lie in. To be sourced, after require.sh
# and with `checkout` set.
# shellcheck shell=bash disable=SC2034,SC2154

# The packages of cargo and what each makes.
declare -rA MADE=([pam-twofactor]=libpam_twofactor.so [twofactor]=twofactor [twofactor-deliver]=twofactor-deliver)
# One at a time: a build of the whole workspace unifies features.
readonly PARTS=(pam-twofactor twofactor twofactor-deliver)

target_directory() {
    (cd -- "$checkout" && realpath -m -- "${CARGO_TARGET_DIR:-target}")
}

build_release() {
    local part
    for part in "${PARTS[@]}"; do
        (cd -- "$checkout" && cargo build --quiet --release --locked -p "$part")
    done
}

release_version() {
    sed -n '/^\[workspace.package\]/,/^\[/ s/^version = "\(.*\)"/\1/p' "$checkout/Cargo.toml"
}

# No time of a build goes into a package, but that of the last commit; without git, of the changelog.
source_date() {
    echo "${SOURCE_DATE_EPOCH:-$(git -C "$checkout" log -1 --format=%ct 2>/dev/null ||
        stat -c %Y -- "$checkout/CHANGELOG.md")}"
}

# Where a package goes: into $output. Of scripts that have a usage of their own.
read_arguments() {
    export CARGO_TARGET_DIR
    CARGO_TARGET_DIR=$(target_directory)
    output=$CARGO_TARGET_DIR/packages
    while (($#)); do
        case $1 in
            --output)
                (($# > 1)) || misused '--output needs a directory'
                output=$(realpath -m -- "$2")
                shift
                ;;
            -h | --help) usage && exit ;;
            *) misused "unknown argument $1" ;;
        esac
        shift
    done
}

misused() {
    printf 'error: %s\nhint: see how it is used: %s --help\n' "$1" "${0##*/}" >&2
    exit 2
}
