//! libpam unloads a module after every login, and the thread-local destructors of Rust's library would then crash a
//! threaded host at the end of the thread (rust-lang/rust#91979): the module asks to stay.
fn main() {
    println!("cargo:rustc-cdylib-link-arg=-Wl,-z,nodelete");
    println!("cargo:rerun-if-changed=build.rs");
}
