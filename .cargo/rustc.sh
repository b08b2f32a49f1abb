#!/bin/sh
# What cargo starts in the place of rustc: the same, but where a crate of somebody else says where in its source it
# panics, that begins with its name, not with the home directory of whoever builds. So the same source makes the same
# bytes wherever it lies, in the registry of any user or in a vendor directory. `trim-paths` will do this once it is
# stable. Crates of this workspace are named by relative paths anyway.
for argument; do
    case $argument in
        /*.rs) exec "$@" "--remap-path-prefix=$CARGO_MANIFEST_DIR=$CARGO_PKG_NAME-$CARGO_PKG_VERSION" ;;
    esac
done
exec "$@"
