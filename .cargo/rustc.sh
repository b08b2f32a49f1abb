#!/bin/sh
# What cargo starts in the place of rustc: the same, but the places of source files in messages of a panic begin with
# the name of the crate, not with the home directory of whoever builds. So the same source makes the same bytes
# wherever it lies, in the registry of any user or in a vendor directory. `trim-paths` will do this once it is stable.
if [ -z "${CARGO_MANIFEST_DIR-}" ]; then
    exec "$@"
fi
exec "$@" "--remap-path-prefix=$CARGO_MANIFEST_DIR=$CARGO_PKG_NAME-$CARGO_PKG_VERSION"
