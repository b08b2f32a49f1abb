//! The QR code of `twofactor setup`, as a real terminal shows it, read back by a reader that is not ours.

use support::{Colours, Desktop, Eye, Look, Sandbox, Window, oathtool};

#[test]
fn a_terminal_of_80_by_24_shows_the_whole_qr_code_while_the_code_is_asked_for() {
    let sandbox = Sandbox::installed();
    let desktop = Desktop::on(&sandbox);
    for (user, colours) in PEOPLE.into_iter().zip(Colours::EVERY) {
        enrol_by_camera(&sandbox, &desktop, user, &Look::new("80x24", 10, colours));
    }
}

#[test]
fn a_larger_terminal_in_any_colours_shows_a_qr_code_that_can_be_scanned() {
    let sandbox = Sandbox::installed();
    let desktop = Desktop::on(&sandbox);
    for ((user, colours), points) in PEOPLE.into_iter().zip(Colours::EVERY).zip([8, 11, 14, 9]) {
        enrol_by_camera(&sandbox, &desktop, user, &Look::new("100x42", points, colours));
    }
}

#[test]
fn long_names_fit_a_terminal_of_80_by_24() {
    let sandbox = Sandbox::installed();
    let desktop = Desktop::on(&sandbox);
    sandbox.write("/etc/twofactor/config.toml", "issuer = \"login.example.org\"\n", 0o644);
    enrol_by_camera(&sandbox, &desktop, "bartholomew-cubbins", &Look::new("80x24", 10, Colours::DARK));
}

#[test]
fn an_unusual_device_can_be_scanned_too() {
    let sandbox = Sandbox::installed();
    let desktop = Desktop::on(&sandbox);
    let settings = "issuer = \"Zoë & Söhne\"\n[totp]\ndigits = 8\nperiod = 60\nalgorithm = \"SHA512\"\n";
    sandbox.write("/etc/twofactor/config.toml", settings, 0o644);
    sandbox.add_user("zoe", "correct horse");
    let window = set_up(&desktop, "zoe", &Look::new("100x50", 9, Colours::LIGHT));
    let secret = secret(&window);
    assert_eq!(
        window.scanned(Eye::Sharp),
        format!(
            "otpauth://totp/Zo%C3%AB%20%26%20S%C3%B6hne:zoe?secret={secret}&issuer=Zo%C3%AB%20%26%20S%C3%B6hne\
             &algorithm=SHA512&digits=8&period=60"
        )
    );
    window.type_line(&oathtool(&secret, &["--totp=sha512", "--digits=8", "--time-step-size=60s"]));
    window.wait_for("zoe is enrolled.");
}

/// What somebody with a telephone does: scans the code, types what the app then shows.
#[track_caller]
fn enrol_by_camera(sandbox: &Sandbox, desktop: &Desktop<'_>, user: &str, look: &Look) {
    sandbox.add_user(user, "correct horse");
    let issuer = match sandbox.read("/etc/twofactor/config.toml").strip_prefix("issuer = \"") {
        Some(settings) => settings.split('"').next().unwrap_or_default().to_owned(),
        None => "testhost".to_owned(),
    };
    let window = set_up(desktop, user, look);
    let uri = window.scanned(Eye::Sharp);
    assert_eq!(uri, format!("otpauth://totp/{issuer}:{user}?secret={}&issuer={issuer}", secret(&window)));
    let scanned = uri.split_once("secret=").and_then(|(_, rest)| rest.split_once('&')).expect("a secret").0;
    window.type_line(&oathtool(scanned, &["--totp"]));
    window.wait_for(&format!("{user} is enrolled."));
}

/// A terminal window in which `twofactor setup` asks for the code.
fn set_up<'d>(desktop: &'d Desktop<'_>, user: &str, look: &Look) -> Window<'d> {
    let window = desktop.open(look, &["twofactor", "setup", user]);
    window.wait_for("Code that the app shows now: ");
    window
}

/// The secret that was printed for people without a camera, its groups joined.
fn secret(window: &Window<'_>) -> String {
    let shown = window.shown();
    let base32 = |line: &&str| line.len() >= 32 && line.bytes().all(|b| matches!(b, b'A'..=b'Z' | b'2'..=b'7' | b' '));
    let line = shown.lines().map(str::trim).find(base32);
    line.unwrap_or_else(|| panic!("no secret was printed:\n{shown}")).replace(' ', "")
}

const PEOPLE: [&str; 4] = ["ann", "bob", "cem", "dan"];
