//! The foreign functions that pam-bindings has not.
#![allow(unsafe_code, reason = "foreign functions")]

use std::ffi::{CStr, CString, c_char, c_int};

use pam::module::PamHandle;

#[link(name = "pam")]
unsafe extern "C" {
    // <security/pam_ext.h>
    fn pam_syslog(handle: *const PamHandle, priority: c_int, format: *const c_char, ...);
}

/// Logs one line as this module in this service, pam_syslog(3). The host's syslog ident and facility stay as they are.
pub(crate) fn pam_log(handle: &PamHandle, priority: c_int, line: &str) {
    let line = without_nul(line);
    // SAFETY: the handle is the one that libpam lent for this call; the format takes exactly one string, and both
    // strings are NUL-terminated and outlive the call (pam_syslog(3) keeps nothing).
    unsafe { pam_syslog(handle, priority, FORMAT.as_ptr(), line.as_ptr()) };
}

/// Logs one line where there is no handle, syslog(3).
pub(crate) fn syslog_critical(line: &str) {
    let line = without_nul(line);
    // SAFETY: as above, of syslog(3); without openlog(3) the host's own ident is used.
    unsafe { libc::syslog(libc::LOG_AUTHPRIV | libc::LOG_CRIT, FORMAT.as_ptr(), line.as_ptr()) };
}

fn without_nul(line: &str) -> CString {
    CString::new(line.replace('\0', "?")).unwrap_or_default()
}

const FORMAT: &CStr = c"%s";
