//! `twofactor test-send`: one message, and every word that was said on its way.

use std::path::Path;

use serde::Serialize;
use twofactor_core::config::Config;
use twofactor_core::courier::{Courier, Parcel, Sender};
use twofactor_core::sys;
use twofactor_message::{Mail, Report, Text, Verdict, shown};

use crate::arguments::Medium;
use crate::failure::Failure;
use crate::office::Office;
use crate::output::Output;
use crate::post;

/// Runs the command.
pub(crate) fn run(medium: Medium, to: &str, config: Option<&Path>, output: &mut Output) -> Result<(), Failure> {
    let office = Office::open(config)?;
    let parcel = parcel(medium, to, &office.config)?;
    let verdict = post::verdict(Sender::new(&office.config).with_conversation().send(parcel));
    let answer = Answer {
        to,
        delivered_by: verdict.delivered_by(),
        reports: verdict.reports.iter().map(Attempted::of).collect(),
        conversation: &verdict.conversation,
    };
    output.answer(&text(&verdict, to), &answer)?;
    match verdict.delivered_by() {
        Some(_) => Ok(()),
        None => Err(Failure::new(format!("nothing was sent: {}", post::troubles(&verdict)), post::hint(&verdict))),
    }
}

fn parcel(medium: Medium, to: &str, config: &Config) -> Result<Parcel, Failure> {
    let host = sys::host_name();
    let subject = format!("Test message from {host}");
    let text = format!("This is a test of how twofactor on {host} sends codes. It has arrived.\n");
    match medium {
        Medium::Mail => {
            let to = to.parse().map_err(|error| Failure::misused(error, "name one mail address"))?;
            Ok(Parcel::Mail(Mail {
                from: config.mail.sender(),
                from_name: config.mail.from_name.clone(),
                to: vec![to],
                copy: Vec::new(),
                subject,
                text,
                html: None,
                host,
            }))
        }
        Medium::Sms => {
            let number = to.parse().map_err(|error| Failure::misused(error, "name one telephone number"))?;
            if config.sms.is_none() {
                return Err(Failure::new(
                    "the configuration has no way to send texts",
                    "add a table [sms] to config.toml",
                ));
            }
            Ok(Parcel::Text(Text { number, text: subject }))
        }
    }
}

fn text(verdict: &Verdict, to: &str) -> String {
    let mut text = String::new();
    for line in &verdict.conversation {
        text.push_str(&format!("  {}\n", shown(line)));
    }
    for report in &verdict.reports {
        text.push_str(&format!("{}\n", shown(&report.to_string())));
    }
    if let Some(route) = verdict.delivered_by() {
        text.push_str(&format!("The message to {to} was taken by {route}. Look whether it has arrived.\n"));
    }
    text
}

#[derive(Serialize)]
struct Answer<'a> {
    to: &'a str,
    delivered_by: Option<&'a str>,
    reports: Vec<Attempted<'a>>,
    conversation: &'a [String],
}

#[derive(Serialize)]
struct Attempted<'a> {
    route: &'a str,
    /// Missing if it was delivered.
    #[serde(skip_serializing_if = "Option::is_none")]
    trouble: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<&'a str>,
}

impl<'a> Attempted<'a> {
    fn of(report: &'a Report) -> Self {
        let trouble = report.trouble.as_ref();
        Self {
            route: &report.route,
            trouble: trouble.map(|trouble| trouble.kind.name()),
            detail: trouble.map(|trouble| trouble.detail.as_str()),
        }
    }
}
