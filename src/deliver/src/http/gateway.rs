//! Texts through any service that takes an HTTP request: the configured one, filled in.

use std::borrow::Cow;
use std::time::Instant;

use twofactor_message::{Content, Http, Template, Text, Trouble, TroubleKind};
use zeroize::Zeroizing;

use super::{Answer, Question, ask, is_within, refusal};
use crate::conversation::Conversation;
use crate::trouble::{local, trouble};

/// Sends a text.
///
/// # Errors
/// It was not taken, and why.
pub(crate) fn send(
    text: &Text,
    http: &Http,
    deadline: Instant,
    conversation: &mut Conversation<'_>,
) -> Result<(), Trouble> {
    let question = question(text, http, conversation)?;
    let answer = ask(question, http.authorities.as_deref(), deadline, conversation)?;
    judge(&answer, http)
}

fn question(text: &Text, http: &Http, conversation: &mut Conversation<'_>) -> Result<Question, Trouble> {
    conversation.stage("request");
    if !["GET", "POST", "PUT"].contains(&http.method.as_str()) {
        return Err(local(format_args!("the method {} is not GET, POST or PUT", http.method)));
    }
    if http.method == "GET" && http.body.is_some() {
        return Err(local("a GET has no body"));
    }
    if let Some(secret) = &http.secret {
        for place in [Place::Url, Place::Json, Place::Verbatim] {
            conversation.hide(&place.escaped(secret));
        }
    }
    let form = Form { text, secret: http.secret.as_ref() };
    let mut headers = Vec::new();
    for (name, value) in &http.headers {
        let value = form.filled(value, Place::Verbatim)?;
        if value.chars().any(char::is_control) {
            return Err(local(format_args!("the header {name} would hold a control character")));
        }
        headers.push((name.clone(), value));
    }
    let (content, place) = match http.content {
        Content::Json => ("application/json", Place::Json),
        Content::Form => ("application/x-www-form-urlencoded", Place::Url),
        Content::Plain => ("text/plain; charset=utf-8", Place::Verbatim),
    };
    let body = http.body.as_ref().map(|body| form.filled(body, place)).transpose()?;
    if body.is_some() && !headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("Content-Type")) {
        headers.push(("Content-Type".to_owned(), content.to_owned().into()));
    }
    let taken = http.success_text.is_none().then_some(http.success);
    // A POST without a body still says that it has none.
    let body = body.or_else(|| (http.method != "GET").then(Zeroizing::default));
    Ok(Question { method: http.method.clone(), url: form.filled(&http.url, Place::Url)?, headers, body, taken })
}

fn judge(answer: &Answer, http: &Http) -> Result<(), Trouble> {
    let (from, to) = http.success;
    if !is_within(answer.status, http.success) {
        return Err(refusal(answer.status, format_args!("the answer is {}, not {from} to {to}", answer.status)));
    }
    match &http.success_text {
        Some(wanted) if !String::from_utf8_lossy(&answer.body).contains(wanted.as_str()) => Err(trouble(
            TroubleKind::Refused,
            format_args!("the answer is {}, and does not contain \"{wanted}\"", answer.status),
        )),
        _ => Ok(()),
    }
}

/// What is filled in.
struct Form<'f> {
    text: &'f Text,
    secret: Option<&'f Zeroizing<String>>,
}

impl Form<'_> {
    fn filled(&self, template: &str, place: Place) -> Result<Zeroizing<String>, Trouble> {
        let known: &[&str] = if self.secret.is_some() { &["number", "text", "secret"] } else { &["number", "text"] };
        let template = Template::new(template, known).map_err(local)?;
        let filled = template.fill(|word| {
            Cow::Owned(match (word, self.secret) {
                ("number", _) => place.escaped(self.text.number.as_str()),
                ("text", _) => place.escaped(&self.text.text),
                ("secret", Some(secret)) => place.escaped(secret),
                _ => String::new(),
            })
        });
        Ok(filled.into())
    }
}

/// Where a value stands, and so what must not be taken for more than a part of it.
#[derive(Debug, Clone, Copy)]
enum Place {
    /// In a URL or a form: everything but unreserved characters is percent-encoded (RFC 3986 section 2.3).
    Url,
    /// Between the quotes of a JSON string.
    Json,
    /// Where nothing has a meaning; headers refuse what would have one.
    Verbatim,
}

impl Place {
    fn escaped(self, value: &str) -> String {
        match self {
            Self::Url => percent_encoded(value),
            Self::Json => {
                let quoted = serde_json::Value::from(value).to_string();
                quoted.get(1..quoted.len().saturating_sub(1)).unwrap_or_default().to_owned()
            }
            Self::Verbatim => value.to_owned(),
        }
    }
}

/// Every byte that RFC 3986 reserves or does not know, as `%XX`.
pub(super) fn percent_encoded(value: &str) -> String {
    value.bytes().fold(String::with_capacity(value.len() * 2), |mut encoded, byte| {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
        encoded
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conversation::tests::{lines, overheard};

    fn http() -> Http {
        Http {
            url: "https://sms.example.org/send?key={secret}&to={number}".to_owned(),
            method: "POST".to_owned(),
            headers: vec![("X-Key".to_owned(), "{secret}".to_owned())],
            body: Some(r#"{"to": "{number}", "text": "{text}"}"#.to_owned()),
            content: Content::Json,
            secret: Some(Zeroizing::new("s\"e c+r".to_owned())),
            success: (200, 299),
            success_text: None,
            authorities: None,
        }
    }

    fn text(text: &str) -> Text {
        Text { number: "+4930123456".parse().unwrap(), text: text.to_owned() }
    }

    fn asked(http: &Http, said: &str) -> Result<Question, Trouble> {
        question(&text(said), http, &mut overheard().0)
    }

    #[test]
    fn each_place_has_its_own_escapes() {
        let question = asked(&http(), "a \"b\"\n{secret}\u{e9}&\\").unwrap();
        assert_eq!(*question.url, "https://sms.example.org/send?key=s%22e%20c%2Br&to=%2B4930123456");
        let body = question.body.unwrap();
        assert_eq!(*body, "{\"to\": \"+4930123456\", \"text\": \"a \\\"b\\\"\\n{secret}\u{e9}&\\\\\"}");
        assert!(serde_json::from_str::<serde_json::Value>(&body).is_ok());
        let named = |question: &[(String, Zeroizing<String>)], name: &str| {
            question.iter().find(|(header, _)| header == name).map(|(_, value)| value.to_string())
        };
        assert_eq!(named(&question.headers, "X-Key").as_deref(), Some("s\"e c+r"));
        assert_eq!(named(&question.headers, "Content-Type").as_deref(), Some("application/json"));

        let form = Http { content: Content::Form, body: Some("t={text}&n={number}".to_owned()), ..http() };
        assert_eq!(**asked(&form, "a&t=b").unwrap().body.as_ref().unwrap(), "t=a%26t%3Db&n=%2B4930123456");
        let plain = Http { content: Content::Plain, body: Some("{text}".to_owned()), ..http() };
        assert_eq!(**asked(&plain, "a&\n\"").unwrap().body.as_ref().unwrap(), "a&\n\"");
    }

    #[test]
    fn a_configured_content_type_stays() {
        let own = Http { headers: vec![("content-type".to_owned(), "application/xml".to_owned())], ..http() };
        assert_eq!(asked(&own, "").unwrap().headers.len(), 1);
    }

    #[test]
    fn no_text_makes_a_header_of_its_own() {
        let header = Http { headers: vec![("X-Text".to_owned(), "{text}".to_owned())], ..http() };
        assert!(asked(&header, "a\r\nX-Evil: b").is_err());
        assert!(asked(&header, "a").is_ok());
    }

    #[test]
    fn what_is_not_configured_is_not_sent() {
        assert!(asked(&Http { secret: None, ..http() }, "").is_err());
        assert!(asked(&Http { method: "DELETE".to_owned(), ..http() }, "").is_err());
        assert!(asked(&Http { method: "GET".to_owned(), ..http() }, "").is_err());
        assert!(asked(&Http { body: None, url: "{nmber}".to_owned(), ..http() }, "").is_err());
        assert_eq!(**asked(&Http { body: None, ..http() }, "").unwrap().body.as_ref().unwrap(), "");
    }

    #[test]
    fn a_secret_is_hidden_however_it_is_escaped() {
        let (mut conversation, words) = overheard();
        let question = question(&text(""), &http(), &mut conversation).unwrap();
        conversation.ours(&*question.url);
        conversation.theirs(r#"{"key": "s\"e c+r"}"#);
        conversation.theirs("bad key s\"e c+r");
        assert_eq!(
            lines(&words),
            ["> https://sms.example.org/send?key=****&to=%2B4930123456", r#"< {"key": "****"}"#, "< bad key ****"]
        );
    }

    #[test]
    fn an_answer_is_judged_by_status_and_text() {
        let judged = |status, body: &str, http: &Http| {
            judge(&Answer { status, body: body.as_bytes().to_vec() }, http).map_err(|trouble| trouble.kind)
        };
        let wanting = Http { success_text: Some("OK".to_owned()), ..http() };
        assert_eq!(judged(204, "", &http()), Ok(()));
        assert_eq!(judged(200, "ID: 7 OK", &wanting), Ok(()));
        assert_eq!(judged(200, "ERR: no credit", &wanting), Err(TroubleKind::Refused));
        assert_eq!(judged(403, "OK", &wanting), Err(TroubleKind::Credentials));
        assert_eq!(judged(404, "", &http()), Err(TroubleKind::Refused));
        assert_eq!(judged(500, "", &http()), Err(TroubleKind::Deferred));
        assert_eq!(judged(302, "", &http()), Err(TroubleKind::Refused));
        assert_eq!(judged(302, "", &Http { success: (200, 399), ..http() }), Err(TroubleKind::Refused));
    }
}
