#!/usr/bin/env bash
# Feeds every reader with whatever libFuzzer comes upon: tests/fuzz/run.sh SECONDS [READER ...], so long each. With a
# number in SEED that is the same every time, as far as it comes.
# What was learnt is kept in target/fuzz/corpus, so the next run goes on from there; what broke, in target/fuzz/broken.
set -euo pipefail
seconds=${1:?say for how many seconds each reader is fed}
root=$(realpath -- "$(dirname -- "${BASH_SOURCE[0]}")/../..")
CARGO_TARGET_DIR=$(realpath -m -- "${CARGO_TARGET_DIR:-$root/target}")/fuzz
export CARGO_TARGET_DIR
readonly root seconds LONGEST_BYTES=16384 LONGEST_SECONDS=5 MOST_MEGABYTES=1024

main() {
    # For what cargo is told there; the environment would take its place.
    cd -- "$root/tests/fuzz"
    unset RUSTFLAGS CARGO_ENCODED_RUSTFLAGS CARGO_BUILD_TARGET RUSTC_WRAPPER RUSTC_WORKSPACE_WRAPPER
    cargo build --quiet --release --locked
    program=$CARGO_TARGET_DIR/$(rustc --version --verbose | sed -n 's/^host: //p')/release/twofactor-fuzz
    "$program" -ignore_remaining_args=1 seeds
    local readers=("$@") reader broken=0
    if ((${#readers[@]} == 0)); then
        readers=(seeds/*)
        readers=("${readers[@]##*/}")
    fi
    mkdir -p "$CARGO_TARGET_DIR"/{broken,corpus,logs}
    for reader in "${readers[@]}"; do
        while (($(jobs -pr | wc -l) >= $(nproc))); do
            wait -n || broken=1
        done
        feed "$reader" &
    done
    while (($(jobs -p | wc -l) > 0)); do
        wait -n || broken=1
    done
    return "$broken"
}

# Feeds one reader, and says what it came to or what broke it.
feed() {
    local reader=$1 log=$CARGO_TARGET_DIR/logs/$1 broken=$CARGO_TARGET_DIR/broken/$1
    mkdir -p "$CARGO_TARGET_DIR/corpus/$reader"
    rm -f -- "$broken"
    if "$program" -seed="${SEED:-0}" -max_total_time="$seconds" -max_len="$LONGEST_BYTES" -timeout="$LONGEST_SECONDS" \
        -rss_limit_mb="$MOST_MEGABYTES" -exact_artifact_path="$broken" -print_final_stats=1 \
        "$CARGO_TARGET_DIR/corpus/$reader" "seeds/$reader" -ignore_remaining_args=1 "$reader" >"$log" 2>&1; then
        awk -v reader="$reader" '
            match($0, /cov: [0-9]+/) { coverage = substr($0, RSTART + 5, RLENGTH - 5) }
            /^stat::number_of_executed_units:/ { runs = $2 }
            END { printf "%-14s ok  %10d runs  %6d edges\n", reader, runs, coverage }' "$log"
        return
    fi
    printf '%-14s BROKEN\n' "$reader"
    tail -n 40 "$log"
    if [[ -e $broken ]]; then
        printf 'input:  %s\nrepeat: %s %s -ignore_remaining_args=1 %s\n' \
            "$(base64 -w 0 "$broken")" "$program" "$broken" "$reader"
    fi
    return 1
}

main "${@:2}"
