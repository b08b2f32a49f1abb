//! A sheet of paper for somebody who is enrolled: one page of HTML that needs nothing else and fits A4.

use twofactor_core::clock::UnixTime;
use twofactor_core::factor::totp::Parameters;
use zeroize::Zeroizing;

use crate::commands::point_in_time;
use crate::failure::Failure;
use crate::markup::escaped;
use crate::{otpauth, qr};

/// What stands on it.
pub(crate) struct Sheet<'a> {
    pub(crate) user: &'a str,
    pub(crate) label: &'a str,
    pub(crate) issuer: &'a str,
    pub(crate) host: &'a str,
    pub(crate) at: UnixTime,
    pub(crate) device: Device<'a>,
    /// Those that were issued just now.
    pub(crate) codes: &'a [Zeroizing<String>],
}

/// What the codes come from.
pub(crate) enum Device<'a> {
    /// An app, or a token.
    App { uri: &'a str, base32: &'a str, parameters: Parameters },
    /// A mailbox or a telephone.
    Sent { to: &'a str },
}

/// Draws the page.
pub(crate) fn render(sheet: &Sheet<'_>) -> Result<Zeroizing<String>, Failure> {
    let (user, host) = (escaped(sheet.user), escaped(sheet.host));
    let mut page = Zeroizing::new(String::with_capacity(PAGE_BYTES));
    page.push_str(&format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'; \
         base-uri 'none'; form-action 'none'\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n<meta name=\"robots\" content=\"noindex\">\n\
         <title>Second factor of {user} on {host}</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n\
         <header>\n<p class=\"eyebrow\">Second factor for logins</p>\n<h1><bdi>{user}</bdi></h1>\n\
         <p class=\"meta\"><span>Host <b>{host}</b></span> <span>Issuer <b>{}</b></span> <span>Device <b>{}</b></span> \
         <span>{}</span></p>\n</header>\n<main>\n",
        escaped(sheet.issuer),
        escaped(sheet.label),
        point_in_time(sheet.at),
    ));
    match &sheet.device {
        Device::App { uri, base32, parameters } => app(&mut page, uri, base32, *parameters)?,
        Device::Sent { to } => page.push_str(&format!(
            "<section class=\"sent\">\n<h2>Codes are sent to</h2>\n<p class=\"secret\">{}</p>\n</section>\n",
            escaped(to)
        )),
    }
    steps(&mut page, sheet);
    codes(&mut page, sheet);
    page.push_str(
        "</main>\n<footer>\n<p>Who has this sheet has your second factor. Keep it where nobody else reads it, ",
    );
    page.push_str("away from the phone, and destroy it once it is of no more use.</p>\n</footer>\n</body>\n</html>\n");
    Ok(page)
}

fn app(page: &mut String, uri: &str, base32: &str, parameters: Parameters) -> Result<(), Failure> {
    let drawing = qr::svg(uri).ok_or_else(too_long)?;
    page.push_str("<section class=\"app\">\n<div class=\"code\">\n");
    page.push_str(&drawing);
    page.push_str("</div>\n<div>\n<h2>Secret, to be typed where nothing can be scanned</h2>\n<p class=\"secret\">");
    page.push_str(&otpauth::grouped(base32));
    let (digits, algorithm) = (parameters.digits.count(), parameters.algorithm.name());
    let moving = match parameters.period_seconds() {
        Some(seconds) => format!("Time-based, {digits} digits, every {seconds} seconds"),
        None => format!("Counter-based, {digits} digits"),
    };
    page.push_str(&format!("</p>\n<p class=\"kind\">{moving}, {algorithm}</p>\n</div>\n</section>\n"));
    Ok(())
}

fn steps(page: &mut String, sheet: &Sheet<'_>) {
    let steps = match sheet.device {
        Device::App { .. } => [
            "Install an authenticator app on your phone, any that shows codes of six digits or more. Have one already? \
             Take that."
                .to_owned(),
            "In the app, add an account and scan the square, or type the secret in.".to_owned(),
            format!(
                "Log in to <b>{}</b> as you always do. When it asks for a code, type the one that the app shows.",
                escaped(sheet.host)
            ),
        ],
        Device::Sent { .. } => [
            "See that what is sent there reaches you, and nobody else.".to_owned(),
            format!("Log in to <b>{}</b> as you always do; a code is sent to you.", escaped(sheet.host)),
            "Type the code in. It works once, and for some minutes.".to_owned(),
        ],
    };
    page.push_str("<section>\n<h2>Three steps</h2>\n<ol>\n");
    for step in steps {
        page.push_str(&format!("<li>{step}</li>\n"));
    }
    page.push_str("</ol>\n</section>\n");
}

fn codes(page: &mut String, sheet: &Sheet<'_>) {
    if sheet.codes.is_empty() {
        page.push_str("<section>\n<h2>Recovery codes</h2>\n<p>None are on this sheet: they are shown once, when they ");
        page.push_str("are issued. Your administrator can issue new ones.</p>\n</section>\n");
        return;
    }
    page.push_str("<section>\n<h2>Recovery codes</h2>\n<p>Each works once, in the place of a code, when the phone is ");
    page.push_str("lost or broken. Cross out what you have used.</p>\n<ul class=\"codes\">\n");
    for code in sheet.codes {
        page.push_str("<li>");
        page.push_str(code);
        page.push_str("</li>\n");
    }
    page.push_str("</ul>\n</section>\n");
}

/// No QR code carries that much.
pub(crate) fn too_long() -> Failure {
    Failure::new("the issuer and the user's name are too long for a QR code", "choose a shorter issuer in config.toml")
}

const STYLE: &str = include_str!("sheet.css");
/// More than a page has, so that nothing is copied as it grows.
const PAGE_BYTES: usize = 64 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_style_asks_for_nothing_from_outside_and_ends_no_element() {
        for word in ["url(", "@import", "http", "</", "@font-face"] {
            assert!(!STYLE.contains(word), "{word}");
        }
    }

    #[test]
    fn what_no_qr_code_carries_is_on_no_sheet() {
        // As it is told, should what is allowed in names ever grow.
        let uri = "x".repeat(2954);
        let device = Device::App { uri: &uri, base32: "AA", parameters: Parameters::COMMON };
        let sheet = Sheet { user: "alice", label: "app", issuer: "x", host: "x", at: UnixTime(0), device, codes: &[] };
        let failure = render(&sheet).unwrap_err();
        assert_eq!(
            failure.lines(),
            "error: the issuer and the user's name are too long for a QR code\n\
             hint: choose a shorter issuer in config.toml\n"
        );
    }

    #[test]
    fn the_largest_sheet_fits_the_room_that_is_kept_for_it() {
        let codes: Vec<_> = (0..32).map(|_| Zeroizing::new("ABCDE-FGHIJ".to_owned())).collect();
        // Level L holds 2953 bytes at the most, in 185 modules with the quiet zone.
        let uri = format!("otpauth://totp/{}", "x".repeat(800));
        let device = Device::App { uri: &uri, base32: &"A".repeat(104), parameters: Parameters::COMMON };
        let long = "<".repeat(255);
        let (user, host, at) = (long.as_str(), long.as_str(), UnixTime(0));
        let sheet = Sheet { user, label: &long[..64], issuer: &long, host, at, device, codes: &codes };
        let page = render(&sheet).unwrap();
        assert!(page.len() < PAGE_BYTES, "{} bytes", page.len());
    }
}
