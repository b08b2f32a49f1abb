//! One life of a PAM handle.

use std::ffi::{CStr, CString, c_char, c_int, c_void};
use std::path::Path;
use std::ptr;
use std::time::Instant;

use support::{Barrier, Call, Called, Cycle, Script, pam_code_name};

use crate::conversation::{Dialogue, converse, note_fail_delay};
use crate::pam;
use crate::race::Gate;

/// Plays the script once, from pam_start to pam_end. In a race it waits at the gate.
pub fn play(script: &Script, gate: Option<(Gate, Barrier)>) -> Cycle {
    let (at_call, at_prompt) = match gate {
        Some((gate, Barrier::Call)) => (Some(gate), None),
        Some((gate, Barrier::Prompt)) => (None, Some(gate)),
        None => (None, None),
    };
    let mut dialogue = Dialogue::new(&script.answers, at_prompt);
    let appdata: *mut c_void = (&raw mut dialogue).cast();
    let conversation = pam::Conversation { converse, appdata };
    let (code, handle) = start(script, &conversation);
    let mut cycle = Cycle::default();
    if code != pam::SUCCESS {
        cycle.calls.push(called("start".into(), code, 0.0));
        return cycle;
    }
    set_items(handle, script);
    if let Some(gate) = at_call {
        gate.pass();
    }
    let mut last = pam::SUCCESS;
    for call in &script.calls {
        let begun = Instant::now();
        last = make(*call, handle, script);
        cycle.calls.push(called(format!("{call:?}"), last, begun.elapsed().as_secs_f64()));
    }
    cycle.user = user(handle);
    // SAFETY: the handle of pam_start, for the last time.
    unsafe { pam::pam_end(handle, last) };
    cycle.said = dialogue.said;
    cycle.fail_delay_microseconds = dialogue.fail_delay_microseconds;
    cycle
}

fn called(call: String, code: c_int, seconds: f64) -> Called {
    Called { call: call.to_lowercase(), code, name: pam_code_name(code).into(), seconds }
}

fn start(script: &Script, conversation: &pam::Conversation) -> (c_int, *mut pam::Handle) {
    let service = text(&script.service);
    let user = script.user.as_deref().map(text);
    let user: *const c_char = user.as_ref().map_or(ptr::null(), |user| user.as_ptr());
    let mut handle = ptr::null_mut();
    let code = match &script.confdir {
        // SAFETY: all strings outlive the call, and libpam copies them and the conversation, pam_start(3).
        None => unsafe { pam::pam_start(service.as_ptr(), user, conversation, &mut handle) },
        Some(confdir) => {
            let confdir = text(path(confdir));
            // SAFETY: as above.
            unsafe { pam::pam_start_confdir(service.as_ptr(), user, conversation, confdir.as_ptr(), &mut handle) }
        }
    };
    (code, handle)
}

fn set_items(handle: *mut pam::Handle, script: &Script) {
    for (item, value) in [(pam::RHOST, &script.rhost), (pam::RUSER, &script.ruser), (pam::TTY, &script.tty)] {
        if let Some(value) = value {
            let value = text(value);
            // SAFETY: a string item, which libpam copies, pam_set_item(3).
            assert_eq!(unsafe { pam::pam_set_item(handle, item, value.as_ptr().cast()) }, pam::SUCCESS);
        }
    }
    if !script.fail_delay {
        let delay: pam::FailDelay = note_fail_delay;
        // SAFETY: this item is a function pointer of exactly this type, pam_fail_delay(3).
        assert_eq!(unsafe { pam::pam_set_item(handle, pam::FAIL_DELAY, delay as *const c_void) }, pam::SUCCESS);
    }
}

fn make(call: Call, handle: *mut pam::Handle, script: &Script) -> c_int {
    let flags = if script.silent { pam::SILENT } else { 0 };
    // SAFETY: a live handle; the dialogue that the conversation points to outlives it.
    unsafe {
        match call {
            Call::Authenticate => pam::pam_authenticate(handle, flags),
            Call::Setcred => pam::pam_setcred(handle, flags | pam::ESTABLISH_CRED),
            Call::AcctMgmt => pam::pam_acct_mgmt(handle, flags),
            Call::OpenSession => pam::pam_open_session(handle, flags),
            Call::CloseSession => pam::pam_close_session(handle, flags),
        }
    }
}

fn user(handle: *mut pam::Handle) -> Option<String> {
    let mut value: *const c_void = ptr::null();
    // SAFETY: a live handle and a place for one pointer.
    let code = unsafe { pam::pam_get_item(handle, pam::USER, &mut value) };
    if code != pam::SUCCESS || value.is_null() {
        return None;
    }
    // SAFETY: PAM_USER is a string that lives as long as the handle, pam_get_item(3).
    Some(unsafe { CStr::from_ptr(value.cast()) }.to_string_lossy().into_owned())
}

fn path(path: &Path) -> &str {
    path.to_str().expect("a path in UTF-8")
}

fn text(text: &str) -> CString {
    CString::new(text).expect("no NUL in a script's text")
}
