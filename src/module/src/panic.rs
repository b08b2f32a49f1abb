//! What a panic leaves behind: one log line that says where, and nothing on the host's standard error.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind, set_hook};
use std::sync::Once;

use crate::ffi;

/// Runs the body of an entry point; a panic in it becomes a log line and `refusal`.
pub(crate) fn guarded<T>(refusal: T, body: impl FnOnce() -> T) -> T {
    route_to_syslog();
    match catch_unwind(AssertUnwindSafe(body)) {
        Ok(answer) => answer,
        Err(payload) => {
            discard(payload);
            refusal
        }
    }
}

/// Sends panics to syslog from now on. The default hook would print to the user's terminal and, where the user has
/// set `RUST_BACKTRACE`, read debug symbols as root.
fn route_to_syslog() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        set_hook(Box::new(|info| {
            // The place only: a message could quote what somebody typed.
            let place = info.location().map(|at| format!("{}:{}", at.file(), at.line())).unwrap_or_default();
            ffi::syslog_critical(&format!("pam_twofactor: event=panic at={place}"));
        }));
    });
}

/// Drops what a panic carried, which may panic itself.
fn discard(payload: Box<dyn Any + Send>) {
    if let Err(nested) = catch_unwind(AssertUnwindSafe(|| drop(payload))) {
        std::mem::forget(nested);
    }
}
