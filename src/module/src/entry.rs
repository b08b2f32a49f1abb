//! What libpam calls.
#![allow(unsafe_code, reason = "the macro exports the pam_sm_* symbols")]

use std::ffi::CStr;

use pam::constants::{PAM_DELETE_CRED, PamFlag, PamResultCode};
use pam::module::{PamHandle, PamHooks};
use pam::pam_hooks;
use twofactor_core::clerk::{Clerk, Tool};
use twofactor_core::config::Config;
use twofactor_core::courier::Sender;
use twofactor_core::login::{Journal, Login, Next, Outcome, Severity, World};
use twofactor_core::store::{Files, Roots};
use twofactor_core::words::Sentence;
use twofactor_core::{clock, sys};
use twofactor_message::logged;

use crate::arguments::Arguments;
use crate::host::Host;
use crate::outcome::{MISCONFIGURED, code};
use crate::panic::guarded;

struct TwoFactor;
pam_hooks!(TwoFactor);

impl PamHooks for TwoFactor {
    fn sm_authenticate(handle: &mut PamHandle, arguments: Vec<&CStr>, flags: PamFlag) -> PamResultCode {
        guarded(MISCONFIGURED, || authenticate(handle, &arguments, flags))
    }

    /// Nothing to set but what was set up at this login, and a stack in which nobody succeeds at it is refused.
    fn sm_setcred(handle: &mut PamHandle, arguments: Vec<&CStr>, flags: PamFlag) -> PamResultCode {
        guarded(PamResultCode::PAM_CRED_ERR, || set_credentials(handle, &arguments, flags))
    }

    fn acct_mgmt(handle: &mut PamHandle, _: Vec<&CStr>, _: PamFlag) -> PamResultCode {
        guarded(MISCONFIGURED, || misplaced(handle, "account"))
    }

    fn sm_chauthtok(handle: &mut PamHandle, _: Vec<&CStr>, _: PamFlag) -> PamResultCode {
        guarded(MISCONFIGURED, || misplaced(handle, "password"))
    }

    fn sm_open_session(handle: &mut PamHandle, _: Vec<&CStr>, _: PamFlag) -> PamResultCode {
        guarded(MISCONFIGURED, || misplaced(handle, "session"))
    }

    fn sm_close_session(handle: &mut PamHandle, _: Vec<&CStr>, _: PamFlag) -> PamResultCode {
        guarded(MISCONFIGURED, || misplaced(handle, "session"))
    }
}

fn authenticate(handle: &mut PamHandle, arguments: &[&CStr], flags: PamFlag) -> PamResultCode {
    let arguments = Arguments::parse(arguments).map_err(|error| error.to_string());
    if !arguments.as_ref().is_ok_and(|arguments| arguments.nodelay) {
        Host::new(handle, flags).delay_failure();
    }
    let (config, arguments) = match arguments.and_then(settings) {
        Ok(settings) => settings,
        Err(error) => return Host::new(handle, flags).misconfigured(&error),
    };
    // The host may have to ask for it.
    let user = handle.get_user(None);
    let host = Host::new(handle, flags).with_debug(arguments.debug);
    let Ok(user) = user else { return host.nameless() };
    host.debug("event=begin note=\"the settings are in order\"");

    let files = Files::new(Roots::default(), config.window, &clock::System);
    let (courier, entropy) = (Sender::new(&config), sys::Kernel);
    let clerk = Tool::new(arguments.config.as_deref());
    let world = World {
        config: &config,
        store: &files,
        accounts: &sys::Passwd,
        journal: &host,
        courier: &courier,
        clerk: &clerk,
        entropy: &entropy,
        surroundings: &entropy,
    };
    let passing = host.passing(arguments.first_pass, arguments.forward_pass);
    let (mut login, mut next) = Login::begin(world, host.request(user), passing);
    let ending = loop {
        match next {
            Next::Ask(prompt) => {
                let answer = host.ask(&prompt);
                next = login.answer(answer.as_ref().map(pam::secret::SecretBytes::as_bytes));
            }
            Next::End(ending) => break ending,
        }
    };
    if let Some(farewell) = &ending.farewell {
        host.tell(farewell, matches!(ending.outcome, Outcome::Proved(_)));
    }
    let lets_in = matches!(ending.outcome, Outcome::Proved(_) | Outcome::NotDue(_));
    let mut handed_on = || {
        login.take_password().is_none_or(|password| host.forward(&password))
            && login.take_enrolment().is_none_or(|enrolment| host.keep_enrolment(&enrolment))
    };
    if lets_in && !handed_on() {
        let error = "the password, or what was set up, could not be handed on";
        return host.failed(error, &config.words(None).say(Sentence::Unavailable));
    }
    code(ending.outcome)
}

/// Saves what was set up at this login. Hosts call this only once the whole stack has let somebody in.
fn set_credentials(handle: &mut PamHandle, arguments: &[&CStr], flags: PamFlag) -> PamResultCode {
    let host = Host::new(handle, flags);
    let kept = if flags & PAM_DELETE_CRED == 0 { host.take_enrolment() } else { None };
    let Some(kept) = kept else { return PamResultCode::PAM_SUCCESS };
    let (name, sealed) = kept.split_once(':').unwrap_or_default();
    let saved = Arguments::parse(arguments).map_err(|error| error.to_string()).and_then(|arguments| {
        let tool = Tool::new(arguments.config.as_deref());
        tool.confirm(name, sealed).map_err(|error| error.to_string())
    });
    let line = format!("event=enrolment user={} result=", logged(name));
    match saved {
        Ok(()) => {
            host.write(Severity::Notice, &(line + "saved"));
            PamResultCode::PAM_SUCCESS
        }
        Err(error) => {
            host.write(Severity::Alert, &format!("{line}lost error={}", logged(&error)));
            PamResultCode::PAM_CRED_ERR
        }
    }
}

/// The settings, beside the arguments that name them.
fn settings(arguments: Arguments) -> Result<(Config, Arguments), String> {
    let config = Config::load(arguments.config.as_deref()).map_err(|error| error.to_string())?;
    Ok((config, arguments))
}

/// The module stands in a part of the stack where it has nothing to say: a mistake that must not pass unnoticed.
fn misplaced(handle: &mut PamHandle, part: &str) -> PamResultCode {
    let host = Host::new(handle, 0);
    host.write(Severity::Alert, &format!("event=misplaced stack={part} hint=\"pam_twofactor.so belongs in auth\""));
    PamResultCode::PAM_SERVICE_ERR
}
