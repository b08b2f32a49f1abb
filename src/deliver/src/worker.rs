//! One job: lock oneself in, send, report.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Instant;

use nix::sys::prctl;
use nix::sys::signal::Signal;
use nix::unistd::{Pid, dup2_stdout, getppid, setpgid};
use twofactor_message::{MailRoute, TextRoute, Trouble};

use crate::channel::Teller;
use crate::conversation::Conversation;
use crate::job::Job;
use crate::trouble::sender;
use crate::{http, maildir, program, smtp, startup};

/// Does the job and reports.
pub(crate) fn work(job: Job, deadline: Instant, supervisor: Pid, teller: Teller) {
    let mut conversation = Conversation::new(move |word| teller.tell(&word));
    job.codes().iter().for_each(|code| conversation.hide(code));
    let work = || stand_apart(supervisor).and_then(|()| send(&job, deadline, &mut conversation));
    let result = catch_unwind(AssertUnwindSafe(work));
    conversation.end(result.unwrap_or_else(|_| Err(sender("the worker panicked"))));
}

/// A group of its own, to be killed with all that it starts; no life after the supervisor's, and no way to answer in
/// its place.
fn stand_apart(supervisor: Pid) -> Result<(), Trouble> {
    let failed = |error: nix::Error| sender(format_args!("stand apart: {}", error.desc()));
    setpgid(Pid::from_raw(0), Pid::from_raw(0)).map_err(failed)?;
    prctl::set_pdeathsig(Signal::SIGKILL).map_err(failed)?;
    if getppid() != supervisor {
        return Err(sender("the supervisor is gone"));
    }
    dup2_stdout(startup::nothing().map_err(failed)?).map_err(failed)
}

fn send(job: &Job, deadline: Instant, conversation: &mut Conversation<'_>) -> Result<(), Trouble> {
    match job {
        Job::Mail(mail, MailRoute::Smtp(smtp)) => smtp::send(mail, smtp, deadline, conversation),
        Job::Mail(mail, MailRoute::Sendmail(argv)) => program::sendmail(mail, argv, conversation),
        Job::Mail(mail, MailRoute::Maildir(path)) => maildir::send(mail, path, conversation),
        Job::Text(text, TextRoute::Twilio(twilio)) => http::twilio::send(text, twilio, deadline, conversation),
        Job::Text(text, TextRoute::Http(gateway)) => http::gateway::send(text, gateway, deadline, conversation),
        Job::Text(text, TextRoute::Command(argv)) => program::command(text, argv, conversation),
    }
}
