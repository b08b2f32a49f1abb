//! The conversation function: writes down what the modules say and answers by the script.

use std::ffi::{CStr, c_int, c_uint, c_void};
use std::fs;
use std::ptr;
use std::slice;
use std::thread;
use std::time::Duration;

use support::{Answer, Said, Step, Style};

use crate::pam;
use crate::race::Gate;

/// One cycle's conversation; libpam is lent a pointer to it.
pub struct Dialogue<'a> {
    steps: slice::Iter<'a, Step>,
    /// In a race: where to wait for the others before the first answer.
    gate: Option<Gate>,
    pub said: Vec<Said>,
    pub fail_delay_microseconds: u32,
}

impl<'a> Dialogue<'a> {
    pub fn new(steps: &'a [Step], gate: Option<Gate>) -> Dialogue<'a> {
        Dialogue { steps: steps.iter(), gate, said: Vec::new(), fail_delay_microseconds: 0 }
    }

    /// Takes one message in; answers it if it is a prompt.
    fn hear(&mut self, style: c_int, text: String) -> Option<Answer> {
        let style = match style {
            pam::PROMPT_ECHO_OFF => Style::PromptEchoOff,
            pam::PROMPT_ECHO_ON => Style::PromptEchoOn,
            pam::ERROR_MSG => Style::ErrorMsg,
            pam::TEXT_INFO => Style::TextInfo,
            other => Style::Other(other),
        };
        self.said.push(Said { style, text });
        if !style.asks() {
            return None;
        }
        if let Some(gate) = self.gate.take() {
            gate.pass();
        }
        Some(match self.steps.next() {
            Some(Step::Now(answer)) => answer.clone(),
            Some(Step::Wait { wait_for_file, then }) => {
                let mut reached = wait_for_file.clone().into_os_string();
                reached.push(".reached");
                fs::write(&reached, b"").expect("the sign that the prompt came");
                while !wait_for_file.exists() {
                    thread::sleep(Duration::from_millis(5));
                }
                then.clone()
            }
            None => Answer::Null,
        })
    }
}

/// pam_conv(3); `appdata` is the [`Dialogue`].
pub unsafe extern "C" fn converse(
    count: c_int,
    messages: *mut *const pam::Message,
    responses: *mut *mut pam::Response,
    appdata: *mut c_void,
) -> c_int {
    // SAFETY: `Cycle` passes its dialogue, and uses it again only when libpam has returned.
    let dialogue = unsafe { &mut *appdata.cast::<Dialogue>() };
    let count = usize::try_from(count).expect("a count of messages");
    // SAFETY: calloc(3) of plain integers and pointers; the module frees it, pam_conv(3).
    let array: *mut pam::Response = unsafe { libc::calloc(count, size_of::<pam::Response>()) }.cast();
    assert!(!array.is_null());
    let mut give_array = true;
    for index in 0..count {
        // SAFETY: Linux-PAM passes an array of `count` pointers to messages with NUL-terminated texts.
        let (style, text) = unsafe {
            let message = &**messages.add(index);
            (message.style, CStr::from_ptr(message.text).to_string_lossy().into_owned())
        };
        let bytes = match dialogue.hear(style, text) {
            None | Some(Answer::Null) => continue,
            Some(Answer::Text(text)) => text.into_bytes(),
            Some(Answer::Repeat(text, times)) => text.repeat(times).into_bytes(),
            Some(Answer::BytesHex(digits)) => bytes(&digits),
            Some(Answer::NoArray) => {
                give_array = false;
                continue;
            }
            Some(Answer::ConvErr) => {
                // SAFETY: allocated above, and handed to nobody.
                unsafe { discard(array, count) };
                return pam::CONV_ERR;
            }
        };
        // SAFETY: `index` is below `count`.
        unsafe { (*array.add(index)).text = copy(&bytes) };
    }
    if give_array {
        // SAFETY: the caller's pointer for exactly this, pam_conv(3).
        unsafe { *responses = array };
    } else {
        // SAFETY: as above; nobody has seen the array.
        unsafe {
            discard(array, count);
            *responses = ptr::null_mut();
        }
    }
    pam::SUCCESS
}

/// pam_fail_delay(3); `appdata` is the [`Dialogue`]. Nobody waits.
pub extern "C" fn note_fail_delay(_result: c_int, microseconds: c_uint, appdata: *mut c_void) {
    // SAFETY: libpam calls it within pam_authenticate, with the conversation's appdata.
    let dialogue = unsafe { &mut *appdata.cast::<Dialogue>() };
    dialogue.fail_delay_microseconds = dialogue.fail_delay_microseconds.max(microseconds);
}

/// A NUL-terminated copy that libpam or a module frees.
fn copy(bytes: &[u8]) -> *mut libc::c_char {
    // SAFETY: malloc(3) of one byte more than is copied, and the last is set.
    unsafe {
        let text: *mut u8 = libc::malloc(bytes.len() + 1).cast();
        assert!(!text.is_null());
        ptr::copy_nonoverlapping(bytes.as_ptr(), text, bytes.len());
        *text.add(bytes.len()) = 0;
        text.cast()
    }
}

/// Frees responses.
///
/// # Safety
/// The array has `count` responses, it and their texts came from malloc, and nobody uses them any more.
unsafe fn discard(array: *mut pam::Response, count: usize) {
    for index in 0..count {
        // SAFETY: what the caller promises; free(3) takes NULL.
        unsafe { libc::free((*array.add(index)).text.cast()) };
    }
    // SAFETY: as above.
    unsafe { libc::free(array.cast()) };
}

fn bytes(digits: &str) -> Vec<u8> {
    let pair = |start| u8::from_str_radix(&digits[start..start + 2], 16).expect("bytes_hex is hexadecimal");
    (0..digits.len()).step_by(2).map(pair).collect()
}
