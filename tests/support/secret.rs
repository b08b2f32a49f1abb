//! The authenticator app: an enrolled user's secret, and the codes that oathtool(1) makes of it.

use std::process::Command;
use std::time::{SystemTime, UNIX_EPOCH};

/// What a user takes home from `twofactor setup`.
#[derive(Clone, Debug)]
pub struct Secret {
    pub base32: String,
    pub recovery_codes: Vec<String>,
}

impl Secret {
    /// The code of this moment, with the default settings.
    pub fn code(&self) -> String {
        self.code_in(0)
    }

    /// The code of a moment so many seconds from now; 30 is one step ahead.
    pub fn code_in(&self, seconds: i64) -> String {
        let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).expect("it is past 1970").as_secs();
        oathtool(&self.base32, &["--totp", &format!("--now=@{}", since_epoch as i64 + seconds)])
    }

    /// Six digits that no step around this moment has.
    pub fn wrong_code(&self) -> String {
        let near: Vec<String> = (-4..=4).map(|step| self.code_in(step * 30)).collect();
        let wrong = (0..).map(|number: u32| format!("{number:06}")).find(|code| !near.contains(code));
        wrong.expect("most codes are wrong")
    }
}

/// Runs oathtool(1) on a Base32 secret, for instance with `--totp=sha256 --digits=8 --now=@59`.
pub fn oathtool(secret: &str, options: &[&str]) -> String {
    let output = Command::new("oathtool").args(options).args(["--base32", secret]).output();
    let output = output.expect("oathtool is installed");
    assert!(output.status.success(), "oathtool {options:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}
