//! The foreign functions that pam-bindings has not.
#![allow(unsafe_code, reason = "foreign functions")]

use std::ffi::{CStr, CString, c_char, c_int, c_uint, c_void};

use pam::module::PamHandle;
use zeroize::Zeroizing;

#[link(name = "pam")]
unsafe extern "C" {
    // <security/pam_ext.h>
    fn pam_syslog(handle: *const PamHandle, priority: c_int, format: *const c_char, ...);
    // <security/pam_appl.h>
    fn pam_getenv(handle: *const PamHandle, name: *const c_char) -> *const c_char;
    fn pam_putenv(handle: *const PamHandle, name_value: *const c_char) -> c_int;
    fn pam_set_item(handle: *const PamHandle, item: c_int, value: *const c_void) -> c_int;
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

/// Sets a variable of the PAM environment, `NAME=VALUE`, or takes it out, `NAME`, pam_putenv(3), and says whether that was
/// done.
pub(crate) fn put_pam_variable(handle: &PamHandle, name_value: &str) -> bool {
    let Ok(name_value) = CString::new(name_value) else { return false };
    // SAFETY: the handle is the one that libpam lent for this call; libpam copies the NUL-terminated string
    // (pam_putenv(3)).
    let code = unsafe { pam_putenv(handle, name_value.as_ptr()) };
    code == PAM_SUCCESS
}

/// Gives the modules that come after this one a password, PAM_AUTHTOK of pam_set_item(3), and says whether libpam took it.
/// One with a NUL in it is no password.
pub(crate) fn set_authtok(handle: &PamHandle, password: &[u8]) -> bool {
    let mut bytes = Zeroizing::new(Vec::with_capacity(password.len() + 1));
    bytes.extend(password);
    bytes.push(0);
    let Ok(password) = CStr::from_bytes_with_nul(&bytes) else { return false };
    // SAFETY: the handle is the one that libpam lent for this call; libpam copies the NUL-terminated string
    // (pam_set_item(3)).
    let code = unsafe { pam_set_item(handle, PAM_AUTHTOK, password.as_ptr().cast()) };
    code == PAM_SUCCESS
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
/// <security/_pam_types.h>
const PAM_AUTHTOK: c_int = 6;
const PAM_SUCCESS: c_int = 0;
