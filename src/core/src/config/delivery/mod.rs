//! How messages leave this host. What is not complete is a mistake, never a silent nothing.

mod mail;
mod sms;
mod words;

pub use mail::{MailSettings, SmtpLogin, SmtpSettings, Transport};
pub use sms::{Provider, SmsSettings};
pub use words::{AbsolutePath, Timeout};

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;
    use twofactor_message::{Content, Protection};

    fn config(text: &str) -> Config {
        Config::parse(text.as_bytes()).unwrap_or_else(|mistake| panic!("{mistake}\n{text}"))
    }

    fn mistake(text: &str) -> String {
        Config::parse(text.as_bytes()).err().unwrap_or_else(|| panic!("{text}")).to_string()
    }

    #[test]
    fn mail_goes_to_the_hosts_own_mailer_unless_another_way_is_described() {
        let default = config("").mail;
        assert!(
            matches!(&default.transports[..], [Transport::Sendmail { command, .. }] if command[0] == "/usr/sbin/sendmail")
        );
        let described = config("[mail.smtp]\nserver = 'smtp.example.org'").mail;
        let [Transport::Smtp(smtp)] = &described.transports[..] else { panic!("{described:?}") };
        assert_eq!((smtp.port, smtp.protection, smtp.timeout.seconds()), (465, Protection::Implicit, 10));
        let both = config("[mail]\ntransports = ['sendmail', 'smtp']\n[mail.smtp]\nserver = '::1'\ntls = 'none'").mail;
        assert!(matches!(
            &both.transports[..],
            [Transport::Sendmail { .. }, Transport::Smtp(SmtpSettings { port: 25, .. })]
        ));
    }

    #[test]
    fn half_of_a_way_is_refused_where_it_stands() {
        for (text, expected) in [
            (
                "[mail]\ntransports = ['smtp']",
                "line 2, column 14: \"smtp\" needs a table [mail.smtp] with at least `server`",
            ),
            ("[mail]\ntransports = []", "line 2, column 14: at least one transport is needed"),
            ("[mail]\ntransports = ['smtq']", "line 2, column 15: unknown value `smtq`: did you mean `smtp`?"),
            (
                "[mail.smtp]\nserver = 'a b'",
                "line 2, column 10: not the name or the address of a server (the port is a key of its own)",
            ),
            (
                "[mail.smtp]\nserver = 'a'\ntls = 'none'",
                "line 3, column 7: without TLS a mail server can only be on this host (localhost)",
            ),
            ("[mail.smtp]\nserver = 'a'\nusername = 'u'", "line 3, column 12: a username needs a password_file"),
            ("[mail.smtp]\nserver = 'a'\ntimeout = '0s'", "line 3, column 11: a timeout is 1 to 60 seconds"),
            (
                "[mail.sendmail]\ncommand = ['sendmail']",
                "line 2, column 11: a command is the absolute path of a program and its arguments",
            ),
            ("[mail.code]\ntext = '{user}'", "line 2, column 8: without {code} the message would be of no use"),
            (
                "[mail.code]\nsubject = '{cod}'",
                "line 2, column 11: nothing fills in {cod}: it can be {code}, {user}, {host}, {service}, {from}, {time}, {lifetime}, {issuer}",
            ),
            ("[sms]\nprovider = 'twillio'", "line 2, column 12: unknown value `twillio`: did you mean `twilio`?"),
            (
                "[sms]\nprovider = 'twilio'\naccount_sid = 'AC1'\nfrom = 'x'",
                "line 1, column 1: key `auth_token_file` is missing",
            ),
            (
                "[sms]\nprovider = 'command'\ncommand = ['/bin/true']",
                "line 3, column 11: {number} stands in no argument",
            ),
            (
                "[sms]\nprovider = 'http'\nurl = 'http://gateway.example.org/{number}/{text}'",
                "line 3, column 7: a URL begins with https:// (http:// only for localhost)",
            ),
            (
                "[sms]\nprovider = 'http'\nurl = 'https://g/{number}'",
                "line 1, column 1: {text} stands neither in url nor in headers nor in body",
            ),
            (
                "[sms]\nprovider = 'http'\nurl = 'https://g/{number}/{text}/{secret}'",
                "line 3, column 7: {secret} needs a secret_file",
            ),
            (
                "[sms]\nprovider = 'http'\nurl = 'https://g/{number}/{text}'\nsuccess = '200-500'",
                "line 4, column 11: success is written \"200\" or \"200-299\" and stays within these",
            ),
            (
                "[mail.smtp]\nserver = 'a'\nauth = 'xoauth2'",
                "line 3, column 8: auth needs a username and a password_file",
            ),
            (
                "[sms]\nprovider = 'command'\ncommand = ['/bin/{number}']",
                "line 3, column 11: {number} stands in no argument",
            ),
            (
                "[sms]\nprovider = 'http'\nurl = 'https://g/{number}/{text}'\nheaders = ['Host: evil']",
                "line 4, column 12: that header is set by itself",
            ),
            (
                "[mail.smtp]\nserver = 'a'\nusername = 'u'\npasword_file = '/x'",
                "line 4, column 1: unknown key `pasword_file`: did you mean `password_file`?",
            ),
            ("[mail.smtp]\nsever = 'a'", "line 2, column 1: unknown key `sever`: did you mean `server`?"),
            ("methods = ['sms']\n[smss]\nprovider = 'x'", "line 2, column 2: unknown key `smss`: did you mean `sms`?"),
            ("methods = ['sms']", "line 1, column 11: \"sms\" needs a table [sms] that says who sends"),
        ] {
            assert_eq!(mistake(text), expected, "{text}");
        }
    }

    #[test]
    fn a_gateway_is_described_by_its_request() {
        let text = r#"
            methods = ["totp", "sms"]
            [sms]
            provider = "http"
            url = "https://gateway.example.org/v1/send"
            headers = ["Authorization: Bearer {secret}"]
            body = '{"to": "{number}", "text": "{text}"}'
            secret_file = "/etc/twofactor/sms.token"
            success_text = "queued"
        "#;
        let Some(SmsSettings { provider: Provider::Http { headers, content, success, .. }, .. }) = config(text).sms
        else {
            panic!("no gateway")
        };
        assert_eq!(headers, [("Authorization".to_owned(), "Bearer {secret}".to_owned())]);
        assert_eq!((content, success), (Content::Json, (200, 299)));
    }
}
