//! Whether this host's clock is kept: a code is a matter of half a minute.

use super::finding::Finding;
use super::host;
use super::program::ask;

pub(super) fn look() -> Option<Finding> {
    of(ask("/usr/bin/timedatectl", &["show", "-p", "NTPSynchronized"]).as_deref())
}

/// What timedatectl(1) says, which knows of whoever keeps the clock: the kernel does.
fn of(said: Option<&str>) -> Option<Finding> {
    match said?.trim() {
        "NTPSynchronized=yes" => Some(Finding::ok("clock", "the clock is kept by NTP")),
        "NTPSynchronized=no" => Some(Finding::warn(
            "clock",
            "nothing keeps the clock: when it is off by more than a minute, no code of an app is taken",
            host::keep_the_clock(),
        )),
        // Without systemd there is nobody to ask.
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::super::finding::Level;
    use super::*;

    #[test]
    fn a_clock_that_nobody_keeps_is_named_and_one_that_nobody_knows_of_is_not() {
        assert_eq!(of(Some("NTPSynchronized=no\n")).unwrap().level, Level::Warn);
        assert_eq!(of(Some("NTPSynchronized=yes\n")).unwrap().level, Level::Ok);
        assert!(of(Some("Failed to connect to bus")).is_none() && of(None).is_none());
    }
}
