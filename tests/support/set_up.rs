//! The tool's side of a set-up at a login, as the module has it: frames in and out, without an environment, a terminal or
//! a descriptor to complain to.

use crate::{Output, Sandbox, Secret};

/// What such a set-up begins with.
pub struct Begun {
    /// What an app reads.
    pub uri: String,
    /// The secret in groups of four, as it is shown.
    pub secret: String,
    /// For dark and for light terminals.
    pub drawings: [String; 2],
}

impl Begun {
    /// The app, without recovery codes.
    pub fn app(&self) -> Secret {
        Secret { base32: self.secret.replace(' ', ""), recovery_codes: Vec::new() }
    }
}

impl Sandbox {
    /// Begins a set-up of `user`, with the usual parameters and this issuer.
    #[track_caller]
    pub fn begin_set_up(&self, issuer: &str, user: &str) -> Begun {
        self.write("/run/issuer.toml", format!("issuer = \"{issuer}\"\n"), 0o644);
        let told = self.at_login(&format!("--config /run/issuer.toml at-login begin -- {user}"), &[]);
        let [secret, dark, light] = told.try_into().expect("three texts");
        let uri = format!("otpauth://totp/{issuer}:{user}?secret={}&issuer={issuer}", secret.replace(' ', ""));
        Begun { uri, secret, drawings: [dark, light] }
    }

    /// Asks the tool something and takes its answer apart.
    #[track_caller]
    pub fn at_login(&self, arguments: &str, asked: &[&str]) -> Vec<String> {
        self.write("/run/asked", framed(asked), 0o600);
        self.bash(&format!("env -i /usr/bin/twofactor {arguments} </run/asked >/run/told 2>&-")).succeeded();
        unframed(&self.read_bytes("/run/told"))
    }

    /// Gives the tool bytes that may be no frame.
    pub fn at_login_with(&self, arguments: &str, bytes: &[u8]) -> Output {
        self.write("/run/asked", bytes, 0o600);
        self.run("bash", ["-c", &format!("exec /usr/bin/twofactor {arguments} </run/asked")])
    }
}

/// Texts, each with its length in front.
pub fn framed(texts: &[&str]) -> Vec<u8> {
    let with_length = |text: &&str| [&(text.len() as u32).to_le_bytes(), text.as_bytes()].concat();
    texts.iter().flat_map(with_length).collect()
}

#[track_caller]
fn unframed(mut frame: &[u8]) -> Vec<String> {
    let mut texts = Vec::new();
    while !frame.is_empty() {
        let (length, rest) = frame.split_first_chunk().expect("the length of a text");
        let (text, others) = rest.split_at(u32::from_le_bytes(*length) as usize);
        texts.push(String::from_utf8(text.to_vec()).expect("a text is UTF-8"));
        frame = others;
    }
    texts
}
