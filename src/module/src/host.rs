//! The host's side of a login: what it knows, its conversation, its log.

use std::ffi::CStr;

use pam::constants::{
    PAM_ERROR_MSG, PAM_PROMPT_ECHO_OFF, PAM_PROMPT_ECHO_ON, PAM_SILENT, PAM_TEXT_INFO, PamFlag, PamResultCode,
};
use pam::conv::Conv;
use pam::items::{AuthTok, RHost, RUser, Service, Tty};
use pam::module::PamHandle;
use pam::secret::SecretBytes;
use twofactor_core::factor::entry::is_of_a_host_that_refuses;
use twofactor_core::login::{FirstPass, Journal, Passing, Prompt, Request, Severity};
use twofactor_core::secret::Secret;
use twofactor_core::words::{self, Sentence};
use twofactor_message::{Language, logged};
use zeroize::Zeroizing;

use crate::ffi;
use crate::outcome::MISCONFIGURED;

/// One call of libpam.
pub(crate) struct Host<'h> {
    handle: &'h PamHandle,
    silent: bool,
    debug: bool,
}

impl<'h> Host<'h> {
    pub(crate) fn new(handle: &'h PamHandle, flags: PamFlag) -> Self {
        Self { handle, silent: flags & PAM_SILENT != 0, debug: false }
    }

    pub(crate) fn with_debug(self, debug: bool) -> Self {
        Self { debug, ..self }
    }

    /// What the host knows of this login, copied: a conversation may free libpam's memory.
    pub(crate) fn request(&self, user: String) -> Request {
        let text = |item: &CStr| item.to_string_lossy().into_owned();
        let service = self.handle.get_item::<Service<'_>>().ok().flatten().map(|item| text(item.0));
        let rhost = self.handle.get_item::<RHost<'_>>().ok().flatten().map(|item| text(item.0));
        let tty = self.handle.get_item::<Tty<'_>>().ok().flatten().map(|item| text(item.0));
        let ruser = self.handle.get_item::<RUser<'_>>().ok().flatten().map(|item| text(item.0));
        let present = |text: &String| !text.is_empty();
        // A module before us could have read it from a user's file; sshd's own terminal tells that it is from sshd.
        let is_sshd = tty.as_deref() == Some("ssh");
        let ssh_auth = is_sshd.then(|| ffi::pam_variable(self.handle, c"SSH_AUTH_INFO_0")).flatten();
        // What was typed at a password prompt before ours. Only whether it is sshd's word for no is looked at.
        let password = self.handle.get_item::<AuthTok<'_>>().ok().flatten();
        Request {
            user,
            service: service.unwrap_or_default(),
            rhost: rhost.filter(present),
            tty: tty.filter(present),
            ruser: ruser.filter(present),
            ssh_auth: ssh_auth.filter(present),
            is_refused: password.is_some_and(|password| is_of_a_host_that_refuses(password.as_bytes())),
        }
    }

    /// What was typed for a module before, if it is of any interest, and what is to become of it.
    pub(crate) fn passing(&self, first: FirstPass, forward: bool) -> Passing {
        let wanted = |_: &AuthTok<'_>| first != FirstPass::Ignored;
        let typed = self.handle.get_item::<AuthTok<'_>>().ok().flatten().filter(wanted);
        Passing { first_pass: typed.map(|typed| Secret::new(typed.as_bytes().to_vec())), first, forward }
    }

    /// Hands a password on to the next module, and says whether it could be.
    pub(crate) fn forward(&self, password: &Secret) -> bool {
        ffi::set_authtok(self.handle, password.expose())
    }

    /// Keeps what was set up until the host has let them in, and says whether it could be kept. It goes with the PAM
    /// environment, since sshd sets credentials in another process than the one that has asked, and takes that along.
    pub(crate) fn keep_enrolment(&self, enrolment: &str) -> bool {
        ffi::put_pam_variable(self.handle, &format!("{ENROLMENT}={enrolment}"))
    }

    /// What was kept so, and is from now on no more: it is nothing for the session.
    pub(crate) fn take_enrolment(&self) -> Option<Zeroizing<String>> {
        let kept = ffi::pam_variable(self.handle, ENROLMENT_VARIABLE).map(Zeroizing::new)?;
        ffi::put_pam_variable(self.handle, ENROLMENT);
        Some(kept)
    }

    /// Asks; `None` if there is no answer, whatever the reason.
    pub(crate) fn ask(&self, prompt: &Prompt) -> Option<SecretBytes> {
        let conversation = self.handle.get_item::<Conv<'_>>().ok().flatten()?;
        let style = if prompt.echo { PAM_PROMPT_ECHO_ON } else { PAM_PROMPT_ECHO_OFF };
        conversation.send(style, &prompt.text).ok().flatten()
    }

    /// Tells, if the host wants to hear anything. Some hosts answer with an error though they showed it.
    pub(crate) fn tell(&self, text: &str, good_news: bool) {
        if self.silent {
            return;
        }
        let style = if good_news { PAM_TEXT_INFO } else { PAM_ERROR_MSG };
        if let Ok(Some(conversation)) = self.handle.get_item::<Conv<'_>>() {
            let _ = conversation.send(style, text);
        }
    }

    /// Asks for time to pass after a failure.
    pub(crate) fn delay_failure(&self) {
        ffi::wish_for_delay(self.handle, FAILURE_DELAY_MICROSECONDS);
    }

    pub(crate) fn debug(&self, line: &str) {
        if self.debug {
            self.write(Severity::Debug, line);
        }
    }

    /// Bad arguments or a bad configuration: nobody gets in, and the log says what to mend.
    pub(crate) fn misconfigured(&self, error: &str) -> PamResultCode {
        // What is wrong may be the language.
        self.failed(error, words::ours(Language::En, Sentence::Unavailable))
    }

    /// Nobody gets in, and the log says why.
    pub(crate) fn failed(&self, error: &str, farewell: &str) -> PamResultCode {
        self.write(Severity::Alert, &format!("event=login outcome=misconfigured error={}", logged(error)));
        self.tell(farewell, false);
        MISCONFIGURED
    }

    /// The host did not say, even when asked, who wants to log in.
    pub(crate) fn nameless(&self) -> PamResultCode {
        self.write(Severity::Notice, "event=login outcome=refused reason=no-user-name");
        PamResultCode::PAM_AUTH_ERR
    }
}

impl Journal for Host<'_> {
    fn write(&self, severity: Severity, line: &str) {
        let priority = match severity {
            Severity::Alert => libc::LOG_ALERT,
            Severity::Error => libc::LOG_ERR,
            Severity::Warning => libc::LOG_WARNING,
            Severity::Notice => libc::LOG_NOTICE,
            Severity::Info => libc::LOG_INFO,
            Severity::Debug => libc::LOG_DEBUG,
        };
        ffi::pam_log(self.handle, priority, line);
    }
}

/// Where an enrolment is kept that is not saved yet.
const ENROLMENT: &str = "TWOFACTOR_SETUP";
const ENROLMENT_VARIABLE: &CStr = c"TWOFACTOR_SETUP";
/// As pam_unix(8) asks for.
const FAILURE_DELAY_MICROSECONDS: u32 = 2_000_000;
