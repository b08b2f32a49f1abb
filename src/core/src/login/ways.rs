//! The ways to prove oneself that one login can offer, and the menu of them.

use twofactor_message::EmailAddress;

use super::judge::Settings;
use crate::courier::Target;
use crate::enrolment::DeviceId;
use crate::factor::Method;
use crate::state::Channel;
use crate::store::Contact;

/// One way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Way {
    /// The code of an app.
    App,
    /// The code of a token that counts.
    Token,
    /// A code that is sent.
    Send(Dispatch),
    /// A recovery code.
    Recovery,
    /// To ask the administrator, who is written to at this address.
    Administrator(EmailAddress),
}

/// By which channel a code goes to which device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Dispatch {
    pub(super) channel: Channel,
    pub(super) device: DeviceId,
    /// Where, as far as the prompt tells.
    pub(super) masked: String,
}

/// The ways of somebody with these devices, the one that the login begins with in front.
pub(super) fn of_contacts(contacts: &[(DeviceId, Contact)], settings: Settings<'_>) -> Vec<Way> {
    let mut ways: Vec<Way> = Vec::new();
    for (device, contact) in contacts {
        let (channel, masked) = match contact {
            Contact::Device(method) => {
                let way = if *method == Method::Hotp { Way::Token } else { Way::App };
                if settings.takes(*method) && !ways.contains(&way) {
                    ways.push(way);
                }
                continue;
            }
            Contact::Mailbox(address) if settings.is_open(Channel::Email) => (Channel::Email, address.masked()),
            Contact::Mailbox(_) => continue,
            Contact::Telephone(number) if settings.is_open(Channel::Sms) => (Channel::Sms, number.masked()),
            Contact::Telephone(_) => continue,
        };
        ways.push(Way::Send(Dispatch { channel, device: *device, masked }));
    }
    let mailbox = contacts.iter().find_map(|(device, contact)| match contact {
        Contact::Mailbox(address) => Some((*device, address)),
        Contact::Device(_) | Contact::Telephone(_) => None,
    });
    // A rescue is for those who have another method; alone it would be the method that is not allowed.
    let is_rescue = !ways.is_empty() && settings.is_open(Channel::Rescue) && !settings.is_open(Channel::Email);
    if let Some((device, address)) = mailbox.filter(|_| is_rescue) {
        ways.push(Way::Send(Dispatch { channel: Channel::Rescue, device, masked: address.masked() }));
    }
    ways.extend(of_anybody(settings));
    ways
}

/// The ways of somebody who is not enrolled, which look like those of somebody who is.
pub(super) fn of_nobody(user: &str, number: u32, settings: Settings<'_>) -> Vec<Way> {
    let first = match settings.methods().first() {
        Some(Method::Totp) => Some(Way::App),
        Some(Method::Hotp) => Some(Way::Token),
        Some(Method::Email) => {
            let letter = user.chars().next().filter(char::is_ascii_alphanumeric).unwrap_or('m');
            let address = format!("{letter}@{}", settings.config.mail.sender().domain()).parse::<EmailAddress>().ok();
            address.map(|address| decoy(Channel::Email, Target::Mailbox(address)))
        }
        Some(Method::Sms) => {
            let number = format!("+4900000{:02}", number % 100).parse().ok();
            number.map(|number| decoy(Channel::Sms, Target::Telephone(number)))
        }
        Some(Method::Recovery) | None => None,
    };
    first.into_iter().chain(of_anybody(settings)).collect()
}

fn decoy(channel: Channel, target: Target) -> Way {
    Way::Send(Dispatch { channel, device: DeviceId(0), masked: target.masked() })
}

fn of_anybody(settings: Settings<'_>) -> impl Iterator<Item = Way> {
    let recovery = settings.takes(Method::Recovery).then_some(Way::Recovery);
    recovery.into_iter().chain(settings.config.rescue_mail.clone().map(Way::Administrator))
}

/// The way with this number in the menu, from 1.
pub(super) fn chosen<'w>(ways: &'w [Way], number: &str) -> Option<&'w Way> {
    number.parse::<usize>().ok()?.checked_sub(1).and_then(|at| ways.get(at))
}

/// More digits than a number in the menu has make a code.
pub(super) const CHOICE_MAX_DIGITS: usize = 2;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;

    fn settings(config: &Config) -> Settings<'_> {
        Settings { config, terms: &config.policy.otherwise, place: None }
    }

    fn config(text: &str) -> Config {
        Config::parse(text.as_bytes()).unwrap()
    }

    fn contacts() -> Vec<(DeviceId, Contact)> {
        vec![
            (DeviceId(1), Contact::Device(Method::Totp)),
            (DeviceId(2), Contact::Device(Method::Totp)),
            (DeviceId(3), Contact::Mailbox("alice@example.org".parse().unwrap())),
            (DeviceId(4), Contact::Telephone("+4930123456".parse().unwrap())),
        ]
    }

    fn words(ways: &[Way]) -> Vec<String> {
        let word = |way: &Way| match way {
            Way::App => "app".to_owned(),
            Way::Token => "token".to_owned(),
            Way::Send(dispatch) => format!("{:?} {}", dispatch.channel, dispatch.masked),
            Way::Recovery => "recovery".to_owned(),
            Way::Administrator(address) => address.as_str().to_owned(),
        };
        ways.iter().map(word).collect()
    }

    #[test]
    fn only_what_the_configuration_allows_is_offered() {
        let sms = "[sms]\nprovider = 'command'\ncommand = ['/bin/x', '{number}']";
        for (text, expected) in [
            ("", vec!["app", "recovery"]),
            ("methods = ['email', 'totp']", vec!["app", "Email a***@e***.org"]),
            (&format!("methods = ['sms']\nrescue_mail = 'h@x.org'\n{sms}"), vec!["Sms ***56", "h@x.org"]),
            ("methods = ['totp']\n[rescue]\nemail = true", vec!["app", "Rescue a***@e***.org"]),
        ] {
            assert_eq!(words(&of_contacts(&contacts(), settings(&config(text)))), expected, "{text}");
        }
    }

    #[test]
    fn no_device_is_out_of_reach_however_many_there_are() {
        let mut many = vec![(DeviceId(1), Contact::Device(Method::Totp)); 15];
        many.push((DeviceId(4), Contact::Telephone("+4930123456".parse().unwrap())));
        let config = config("methods = ['totp', 'sms']\n[sms]\nprovider = 'command'\ncommand = ['/bin/x', '{number}']");
        assert_eq!(words(&of_contacts(&many, settings(&config))), ["app", "Sms ***56"]);
    }

    #[test]
    fn nobody_is_offered_what_somebody_would_be() {
        let text = "methods = ['email', 'recovery']\nrescue_mail = 'h@x.org'\n[mail]\nfrom = 'x@example.org'";
        let mailbox = [(DeviceId(3), Contact::Mailbox("bob@example.org".parse().unwrap()))];
        let config = config(text);
        assert_eq!(words(&of_nobody("bob", 42, settings(&config))), words(&of_contacts(&mailbox, settings(&config))));
        assert_eq!(words(&of_nobody("\u{1b}", 42, settings(&config)))[0], "Email m***@e***.org");
    }
}
