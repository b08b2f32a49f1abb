//! What became of a message, in words for an administrator.

use std::time::Duration;

use twofactor_core::courier::Delivery;
use twofactor_message::{Report, TroubleKind, Verdict};

/// Waits for a verdict until there is one; the sender's own deadlines see to that.
pub(crate) fn verdict(mut delivery: Box<dyn Delivery>) -> Verdict {
    loop {
        if let Some(verdict) = delivery.wait(Duration::from_secs(1)) {
            return verdict;
        }
    }
}

/// Every trouble that there was, in one line.
pub(crate) fn troubles(verdict: &Verdict) -> String {
    let troubled = |report: &&Report| report.trouble.is_some();
    verdict.reports.iter().filter(troubled).map(ToString::to_string).collect::<Vec<_>>().join("; ")
}

/// What to change, judged by the last trouble.
pub(crate) fn hint(verdict: &Verdict) -> String {
    let Some(Report { route, trouble: Some(trouble) }) = verdict.reports.last() else {
        return "see the log of the mailer or the provider for what became of it".to_owned();
    };
    let table = match route.as_str() {
        "smtp" | "sendmail" | "maildir" => format!("[mail.{route}]"),
        "sender" => "config.toml".to_owned(),
        _ => "[sms]".to_owned(),
    };
    match trouble.kind {
        TroubleKind::Unreachable => {
            format!("check the server and the port in {table}, and that this host may connect to it")
        }
        TroubleKind::Slow => {
            format!("check that a firewall does not swallow the connection, or give it more time: timeout in {table}")
        }
        TroubleKind::Certificate => {
            format!(
                "the server must have a certificate for the very name in {table}, from an authority of this system or of ca_file"
            )
        }
        TroubleKind::Credentials => format!("check who we are there and the secret in its file: {table}"),
        TroubleKind::Refused => {
            format!(
                "the words of the other side say why; often it is who the message comes from, `from` in {}",
                if table == "[sms]" { "[sms]" } else { "[mail]" }
            )
        }
        TroubleKind::Deferred => "the other side may take it later: try again in some minutes".to_owned(),
        TroubleKind::Protocol => format!("is it the right port and the right kind of protection? See {table}"),
        TroubleKind::Local => format!("see to the program, file or directory that is named; {table} says which to use"),
        TroubleKind::Sender => "install it anew: packaging/install.sh; the log may say more".to_owned(),
    }
}
