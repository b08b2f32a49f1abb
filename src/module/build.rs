//! libpam unloads a module after every login, and the thread-local destructors of Rust's library would then crash a
//! threaded host at the end of the thread (rust-lang/rust#91979): the module asks to stay.
//!
//! lld, the default linker on x86-64 since Rust 1.90, keeps one of several functions that are the same, which other
//! linkers do not know how to. Nothing here compares the addresses of functions.
#![allow(clippy::disallowed_methods, reason = "cargo tells a build script everything by the environment")]

use std::env::var;
use std::process::Command;

fn main() {
    println!("cargo:rustc-cdylib-link-arg=-Wl,-z,nodelete");
    if is_linked_by_lld() {
        println!("cargo:rustc-cdylib-link-arg=-Wl,--icf=all");
    }
    println!("cargo:rerun-if-changed=build.rs");
}

fn is_linked_by_lld() -> bool {
    let is_default = var("RUSTC_LINKER").is_err()
        && var("CARGO_ENCODED_RUSTFLAGS").is_ok_and(|flags| !flags.contains("linker") && !flags.contains("fuse-ld"));
    is_default && var("TARGET").is_ok_and(|target| target == "x86_64-unknown-linux-gnu") && minor_version() >= Some(90)
}

/// The 95 of `rustc 1.95.0 (…)`.
fn minor_version() -> Option<u32> {
    let said = Command::new(var("RUSTC").ok()?).arg("--version").output().ok()?;
    String::from_utf8(said.stdout).ok()?.split('.').nth(1)?.parse().ok()
}
