//! What the module makes of a panic: its own source, with a log that can be read here.

#[path = "../../src/module/src/panic.rs"]
mod panic;

/// Stands in for the module's own foreign functions.
mod ffi {
    use std::sync::Mutex;

    pub(crate) static LOG: Mutex<Vec<String>> = Mutex::new(Vec::new());

    pub(crate) fn syslog_critical(line: &str) {
        LOG.lock().unwrap().push(line.to_owned());
    }
}

#[test]
fn a_panic_is_a_refusal_and_a_log_line_that_quotes_nothing() {
    assert_eq!(panic::guarded("refused", || "let in"), "let in");
    let refused = panic::guarded("refused", || {
        let typed = "123456";
        assert_eq!(typed, "a secret", "and more of it");
        "let in"
    });
    assert_eq!(refused, "refused");
    let log = ffi::LOG.lock().unwrap();
    assert!(!log.is_empty());
    for line in log.iter() {
        assert!(line.starts_with("pam_twofactor: event=panic at=") && line.contains("panic.rs:"), "{log:?}");
        assert!(!line.contains("123456") && !line.contains("secret"), "{log:?}");
    }
}

#[test]
fn not_even_a_payload_that_panics_when_it_is_dropped_gets_out() {
    struct Bomb;
    impl Drop for Bomb {
        fn drop(&mut self) {
            std::panic::panic_any("again");
        }
    }
    assert!(!panic::guarded(false, || std::panic::panic_any(Bomb)));
}
