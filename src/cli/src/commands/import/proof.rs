//! A code that shows that a secret was opened rightly, where nothing else does.

use twofactor_core::clock::{self, Clock};
use twofactor_core::factor::entry::Entry;
use twofactor_core::factor::totp::{Judgement, Key, Step, Window};

use super::device::Device;
use crate::failure::Failure;
use crate::terminal;

/// Asks for a code of the device, and answers with its step, which is used by that.
pub(super) fn ask(device: &Device, window: Window) -> Result<Step, Failure> {
    let key = Key::new(&device.secret, device.parameters);
    let key = key.map_err(|error| Failure::new(error, "see whether --secrets names the application's own"))?;
    let answer = terminal::ask(QUESTION).map_err(|error| Failure::new(error, NOTHING_CHANGED))?;
    let Some(answer) = answer else { return Err(Failure::new("no code was given", NOTHING_CHANGED)) };
    if let Entry::Digits(code) = Entry::read(answer.as_bytes())
        && let Judgement::Fresh(step) = key.judge(&code, clock::System.now()?, window, None)
    {
        return Ok(step);
    }
    Err(Failure::new(
        "that is not the code: another device, or --secrets has opened the secret to rubbish",
        "see that --secrets names the application's own, and that both clocks agree; nothing was changed",
    ))
}

const QUESTION: &str = "Code that the app shows now: ";
const NOTHING_CHANGED: &str = "nothing was changed; with --trust no code is asked for";
