//! The foreign functions that pam-bindings has not.
#![allow(unsafe_code, reason = "foreign functions")]

use std::ffi::{CStr, CString, c_char, c_int, c_uint};

use pam::module::PamHandle;

#[link(name = "pam")]
unsafe extern "C" {
    // <security/pam_ext.h>
    fn pam_syslog(handle: *const PamHandle, priority: c_int, format: *const c_char, ...);
    // <security/pam_appl.h>
    fn pam_getenv(handle: *const PamHandle, name: *const c_char) -> *const c_char;
    // <security/pam_modules.h>
    fn pam_fail_delay(handle: *const PamHandle, microseconds: c_uint) -> c_int;
}

/// A variable of the PAM environment, which is not the process's, pam_getenv(3).
pub(crate) fn pam_variable(handle: &PamHandle, name: &CStr) -> Option<String> {
    // SAFETY: the handle is the one that libpam lent for this call, and the name is NUL-terminated.
    let value = unsafe { pam_getenv(handle, name.as_ptr()) };
    if value.is_null() {
        return None;
    }
    // SAFETY: not null, so NUL-terminated and libpam's until the environment changes (pam_getenv(3)); copied at once.
    Some(unsafe { CStr::from_ptr(value) }.to_string_lossy().into_owned())
}

/// Asks libpam to let time pass should this call end in a failure, pam_fail_delay(3). It is a wish, not a promise.
pub(crate) fn wish_for_delay(handle: &PamHandle, microseconds: c_uint) {
    // SAFETY: the handle is the one that libpam lent for this call.
    unsafe { pam_fail_delay(handle, microseconds) };
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
