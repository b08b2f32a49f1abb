//! The application's side of libpam, for `twofactor try`: a conversation on this terminal.
#![allow(unsafe_code, reason = "foreign functions")]

use std::ffi::{CStr, CString, c_char, c_int, c_void};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr;

use crate::terminal;

/// What libpam answered.
pub(crate) struct Answer {
    /// The number.
    pub(crate) code: c_int,
    /// pam_strerror(3).
    pub(crate) text: String,
    /// Which function of libpam said so.
    pub(crate) stage: &'static str,
}

/// Does what a login does before it opens a session: proves who `user` is, asking on this terminal, and then asks
/// whether the account may be used.
pub(crate) fn log_in(service: &CStr, user: &CStr) -> Answer {
    let conversation = PamConv { conv: converse, appdata_ptr: ptr::null_mut() };
    let mut handle = ptr::null_mut();
    // SAFETY: pam_start(3): two strings and a conversation that outlive the handle, and a place for the handle.
    let started = unsafe { pam_start(service.as_ptr(), user.as_ptr(), &raw const conversation, &raw mut handle) };
    if started != SUCCESS || handle.is_null() {
        return Answer { code: started, text: "libpam did not start".to_owned(), stage: "pam_start" };
    }
    // SAFETY: pam_authenticate(3): the handle that pam_start gave.
    let proved = unsafe { pam_authenticate(handle, 0) };
    let (stage, code) = if proved == SUCCESS {
        // SAFETY: pam_acct_mgmt(3): as above.
        ("pam_acct_mgmt", unsafe { pam_acct_mgmt(handle, 0) })
    } else {
        ("pam_authenticate", proved)
    };
    // SAFETY: pam_strerror(3): the handle may be any; the string is static.
    let text = unsafe { pam_strerror(handle, code) };
    let text = if text.is_null() {
        String::new()
    } else {
        // SAFETY: pam_strerror(3) gives NUL-terminated static text.
        unsafe { CStr::from_ptr(text) }.to_string_lossy().into_owned()
    };
    // SAFETY: pam_end(3): the handle is not used after this.
    unsafe { pam_end(handle, code) };
    Answer { code, text, stage }
}

/// The name of a code in `<security/_pam_types.h>`.
pub(crate) fn name(code: c_int) -> &'static str {
    usize::try_from(code).ok().and_then(|code| NAMES.get(code)).copied().unwrap_or("unknown")
}

/// What libpam calls with messages for the person at the terminal, pam_conv(3).
extern "C" fn converse(
    count: c_int,
    messages: *mut *const PamMessage,
    responses: *mut *mut PamResponse,
    _: *mut c_void,
) -> c_int {
    let replied = catch_unwind(AssertUnwindSafe(|| {
        let count = usize::try_from(count).ok().filter(|count| (1..=MESSAGES_MAX).contains(count))?;
        if messages.is_null() || responses.is_null() {
            return None;
        }
        // SAFETY: calloc(3) of whole responses; checked for null below. libpam's caller frees it with free(3).
        let array = unsafe { libc::calloc(count, size_of::<PamResponse>()) }.cast::<PamResponse>();
        if array.is_null() {
            return None;
        }
        for at in 0..count {
            // SAFETY: Linux-PAM passes an array of `count` pointers to messages (pam_conv(3)).
            let message = unsafe { *messages.add(at) };
            if message.is_null() {
                forget(array, count);
                return None;
            }
            // SAFETY: not null, and a message lives as long as the call (pam_conv(3)).
            let message = unsafe { &*message };
            let text = if message.msg.is_null() {
                String::new()
            } else {
                // SAFETY: a message is a NUL-terminated string (pam_conv(3)).
                unsafe { CStr::from_ptr(message.msg) }.to_string_lossy().into_owned()
            };
            match say(message.msg_style, &text) {
                // SAFETY: `at` is within the array that was just allocated.
                Ok(answer) => unsafe { (*array.add(at)).resp = answer },
                Err(()) => {
                    forget(array, count);
                    return None;
                }
            }
        }
        // SAFETY: checked for null above; libpam takes the array over.
        unsafe { *responses = array };
        Some(())
    }));
    if matches!(replied, Ok(Some(()))) { SUCCESS } else { CONVERSATION_ERROR }
}

/// Shows one message and, for a prompt, gives the answer as libpam wants it: allocated with malloc(3), or null.
fn say(style: c_int, text: &str) -> Result<*mut c_char, ()> {
    let text: String = text.lines().map(twofactor_message::shown).collect::<Vec<_>>().join("\n");
    let answer = match style {
        PROMPT_ECHO_OFF => terminal::ask_unseen(&text),
        PROMPT_ECHO_ON => terminal::ask(&text),
        _ => return terminal::say(&format!("{text}\n")).map(|()| ptr::null_mut()).map_err(drop),
    };
    let Some(answer) = answer.map_err(drop)? else { return Ok(ptr::null_mut()) };
    let answer = CString::new(answer.as_bytes()).map_err(drop)?;
    // SAFETY: strdup(3) of a NUL-terminated string.
    let copy = unsafe { libc::strdup(answer.as_ptr()) };
    drop(zeroize::Zeroizing::new(answer.into_bytes()));
    if copy.is_null() { Err(()) } else { Ok(copy) }
}

/// Wipes and frees responses that nobody will take over.
fn forget(array: *mut PamResponse, count: usize) {
    for at in 0..count {
        // SAFETY: `at` is within the array, whose fields are null or from strdup(3).
        let text = unsafe { (*array.add(at)).resp };
        if !text.is_null() {
            // SAFETY: a NUL-terminated string of our own.
            let length = unsafe { libc::strlen(text) };
            // SAFETY: so many bytes of it are ours to overwrite.
            unsafe { libc::explicit_bzero(text.cast(), length) };
            // SAFETY: from strdup(3), not used again.
            unsafe { libc::free(text.cast()) };
        }
    }
    // SAFETY: from calloc(3), not used again.
    unsafe { libc::free(array.cast()) };
}

#[repr(C)]
struct PamMessage {
    msg_style: c_int,
    msg: *const c_char,
}

#[repr(C)]
struct PamResponse {
    resp: *mut c_char,
    resp_retcode: c_int,
}

#[repr(C)]
struct PamConv {
    conv: extern "C" fn(c_int, *mut *const PamMessage, *mut *mut PamResponse, *mut c_void) -> c_int,
    appdata_ptr: *mut c_void,
}

#[link(name = "pam")]
unsafe extern "C" {
    fn pam_start(
        service: *const c_char,
        user: *const c_char,
        conversation: *const PamConv,
        handle: *mut *mut c_void,
    ) -> c_int;
    fn pam_authenticate(handle: *mut c_void, flags: c_int) -> c_int;
    fn pam_acct_mgmt(handle: *mut c_void, flags: c_int) -> c_int;
    fn pam_strerror(handle: *mut c_void, code: c_int) -> *const c_char;
    fn pam_end(handle: *mut c_void, code: c_int) -> c_int;
}

/// PAM_SUCCESS.
pub(crate) const SUCCESS: c_int = 0;
/// PAM_CONV_ERR.
const CONVERSATION_ERROR: c_int = 19;
const PROMPT_ECHO_OFF: c_int = 1;
const PROMPT_ECHO_ON: c_int = 2;
/// PAM_MAX_NUM_MSG.
const MESSAGES_MAX: usize = 32;
/// In the order of their numbers.
const NAMES: [&str; 32] = [
    "PAM_SUCCESS",
    "PAM_OPEN_ERR",
    "PAM_SYMBOL_ERR",
    "PAM_SERVICE_ERR",
    "PAM_SYSTEM_ERR",
    "PAM_BUF_ERR",
    "PAM_PERM_DENIED",
    "PAM_AUTH_ERR",
    "PAM_CRED_INSUFFICIENT",
    "PAM_AUTHINFO_UNAVAIL",
    "PAM_USER_UNKNOWN",
    "PAM_MAXTRIES",
    "PAM_NEW_AUTHTOK_REQD",
    "PAM_ACCT_EXPIRED",
    "PAM_SESSION_ERR",
    "PAM_CRED_UNAVAIL",
    "PAM_CRED_EXPIRED",
    "PAM_CRED_ERR",
    "PAM_NO_MODULE_DATA",
    "PAM_CONV_ERR",
    "PAM_AUTHTOK_ERR",
    "PAM_AUTHTOK_RECOVERY_ERR",
    "PAM_AUTHTOK_LOCK_BUSY",
    "PAM_AUTHTOK_DISABLE_AGING",
    "PAM_TRY_AGAIN",
    "PAM_IGNORE",
    "PAM_ABORT",
    "PAM_AUTHTOK_EXPIRED",
    "PAM_MODULE_UNKNOWN",
    "PAM_BAD_ITEM",
    "PAM_CONV_AGAIN",
    "PAM_INCOMPLETE",
];
