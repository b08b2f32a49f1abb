//! Settings that cannot be read.
