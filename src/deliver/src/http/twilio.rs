//! Texts through Twilio's REST API, or a service of the same shape.

use std::time::Instant;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde_json::Value;
use twofactor_message::{Text, Trouble, TroubleKind, Twilio};
use zeroize::Zeroizing;

use super::gateway::percent_encoded;
use super::{Answer, Question, ask, refusal};
use crate::conversation::Conversation;
use crate::trouble::{local, protocol, trouble};

/// Sends a text.
///
/// # Errors
/// It was not taken, and why.
pub(crate) fn send(
    text: &Text,
    twilio: &Twilio,
    deadline: Instant,
    conversation: &mut Conversation<'_>,
) -> Result<(), Trouble> {
    let question = question(text, twilio, conversation)?;
    let answer = ask(question, twilio.authorities.as_deref(), deadline, conversation)?;
    judge(&answer)
}

fn question(text: &Text, twilio: &Twilio, conversation: &mut Conversation<'_>) -> Result<Question, Trouble> {
    conversation.stage("account_sid");
    let account = twilio.account_sid.as_str();
    if account.is_empty() || !account.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        return Err(local("is not made of letters and digits"));
    }
    let credentials = Zeroizing::new(format!("{account}:{}", *twilio.auth_token));
    let credentials = Zeroizing::new(BASE64_STANDARD.encode(credentials.as_bytes()));
    conversation.hide(&twilio.auth_token);
    conversation.hide(&credentials);
    let base = twilio.base_url.trim_end_matches('/');
    let field = |name: &str, value: &str| format!("{name}={}", percent_encoded(value));
    let body = [field("To", text.number.as_str()), field("From", &twilio.from), field("Body", &text.text)].join("&");
    Ok(Question {
        method: "POST".to_owned(),
        url: format!("{base}/2010-04-01/Accounts/{account}/Messages.json").into(),
        headers: vec![
            ("Authorization".to_owned(), format!("Basic {}", *credentials).into()),
            ("Content-Type".to_owned(), "application/x-www-form-urlencoded".to_owned().into()),
        ],
        body: Some(body.into()),
        taken: None,
    })
}

/// A status of 2xx is not enough: what was queued and failed at once is answered with one, too, and so is what somebody
/// else's page says. The message must have a name and be on its way.
fn judge(answer: &Answer) -> Result<(), Trouble> {
    let json: Option<Value> = serde_json::from_slice(&answer.body).ok();
    let field = |name: &str| json.as_ref().and_then(|json| json.get(name)).filter(|value| !value.is_null());
    let said = |names: [&str; 2]| {
        let mut why = answer.status.to_string();
        if let Some(message) = field(names[0]).and_then(Value::as_str) {
            why.push_str(&format!(" {message}"));
        }
        if let Some(code) = field(names[1]) {
            why.push_str(&format!(" (code {code})"));
        }
        why
    };
    if !(200..300).contains(&answer.status) {
        return Err(refusal(answer.status, said(["message", "code"])));
    }
    let status = field("status").and_then(Value::as_str);
    if status.is_some_and(|status| FAILED.contains(&status)) || field("error_code").is_some() {
        return Err(trouble(TroubleKind::Refused, said(["error_message", "error_code"])));
    }
    let is_named = field("sid").is_some_and(Value::is_string);
    match status {
        Some(status) if is_named && ON_ITS_WAY.contains(&status) => Ok(()),
        _ if json.is_none() => Err(protocol(format_args!("{}, and the answer is no JSON", answer.status))),
        _ => Err(protocol(format_args!("{}, and the answer names no message on its way", answer.status))),
    }
}

/// What becomes of a message, in the words of the manual.
const ON_ITS_WAY: [&str; 6] = ["queued", "accepted", "scheduled", "sending", "sent", "delivered"];
const FAILED: [&str; 3] = ["failed", "undelivered", "canceled"];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conversation::tests::overheard;

    fn twilio() -> Twilio {
        Twilio {
            base_url: "https://api.example.org/".to_owned(),
            account_sid: "AC42".to_owned(),
            auth_token: Zeroizing::new("t0ken".to_owned()),
            from: "+15550100".to_owned(),
            authorities: None,
        }
    }

    #[test]
    fn the_request_is_the_one_of_the_manual() {
        let text = Text { number: "+4930123456".parse().unwrap(), text: "123456 & co.\n".to_owned() };
        let (mut conversation, _) = overheard();
        let question = question(&text, &twilio(), &mut conversation).unwrap();
        assert_eq!(*question.url, "https://api.example.org/2010-04-01/Accounts/AC42/Messages.json");
        assert_eq!(**question.body.as_ref().unwrap(), "To=%2B4930123456&From=%2B15550100&Body=123456%20%26%20co.%0A");
        assert_eq!(*question.headers[0].1, "Basic QUM0Mjp0MGtlbg==");
    }

    #[test]
    fn an_account_is_no_path() {
        let text = Text { number: "+4930123456".parse().unwrap(), text: String::new() };
        for sid in ["", "../AC42", "AC42/x", "AC 42", "AC42?"] {
            let twilio = Twilio { account_sid: sid.to_owned(), ..twilio() };
            assert!(question(&text, &twilio, &mut overheard().0).is_err(), "{sid}");
        }
    }

    #[test]
    fn an_answer_counts_only_if_nothing_in_it_says_no() {
        let judged = |status, body: &str| judge(&Answer { status, body: body.as_bytes().to_vec() });
        assert_eq!(judged(201, r#"{"sid": "SM1", "status": "queued", "error_code": null}"#), Ok(()));
        for nothing in [
            "{}",
            "[]",
            "1",
            r#"{"status": "queued"}"#,
            r#"{"sid": "SM1"}"#,
            r#"{"sid": 1, "status": "queued"}"#,
            r#"{"sid": "SM1", "status": "Queued!"}"#,
            r#"[{"sid": "SM1", "status": "queued"}]"#,
        ] {
            assert_eq!(judged(201, nothing).unwrap_err().kind, TroubleKind::Protocol, "{nothing}");
        }
        for (status, body, kind, why) in [
            (201, r#"{"status": "failed"}"#, TroubleKind::Refused, "201"),
            (
                201,
                r#"{"status": "queued", "error_code": 30003, "error_message": "off"}"#,
                TroubleKind::Refused,
                "201 off (code 30003)",
            ),
            (200, "<html>", TroubleKind::Protocol, "200, and the answer is no JSON"),
            (
                400,
                r#"{"code": 21211, "message": "Invalid 'To'"}"#,
                TroubleKind::Refused,
                "400 Invalid 'To' (code 21211)",
            ),
            (
                401,
                r#"{"code": 20003, "message": "Authenticate"}"#,
                TroubleKind::Credentials,
                "401 Authenticate (code 20003)",
            ),
            (429, "", TroubleKind::Deferred, "429"),
            (503, "<html>", TroubleKind::Deferred, "503"),
            (302, "", TroubleKind::Refused, "302, a redirect, which is not followed"),
        ] {
            assert_eq!(judged(status, body), Err(trouble(kind, why)), "{status} {body}");
        }
    }
}
