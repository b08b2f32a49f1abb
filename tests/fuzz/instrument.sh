#!/bin/sh -eu
# What cargo calls in place of rustc. Our own crates tell libFuzzer which of their branches are taken; nobody waits
# for the others to be built so, and what is learnt of them would be noise.
case " $* " in
*' --crate-name twofactor'*)
    exec "$@" -Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
        -Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table \
        -Cllvm-args=-sanitizer-coverage-trace-compares
    ;;
esac
exec "$@"
