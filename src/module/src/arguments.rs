//! The words after `pam_twofactor.so` in a PAM stack. One that is not understood denies: a typo must never weaken a
//! login.

use std::ffi::CStr;
use std::path::PathBuf;

use twofactor_core::login::FirstPass;

/// The arguments of one line.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Arguments {
    /// `config=PATH`, absolute.
    pub(crate) config: Option<PathBuf>,
    /// `debug`.
    pub(crate) debug: bool,
    /// `nodelay`.
    pub(crate) nodelay: bool,
    /// `try_first_pass` and `use_first_pass`; of both, the later one.
    pub(crate) first_pass: FirstPass,
    /// `forward_pass`.
    pub(crate) forward_pass: bool,
}

impl Arguments {
    pub(crate) fn parse(words: &[&CStr]) -> Result<Self, ArgumentError> {
        let mut arguments = Self::default();
        for word in words {
            let word = word.to_str().map_err(|_| ArgumentError { word: word.to_string_lossy().into_owned() })?;
            match word.split_once('=') {
                Some(("config", path)) if path.starts_with('/') && arguments.config.is_none() => {
                    arguments.config = Some(PathBuf::from(path));
                }
                None if word == "debug" => arguments.debug = true,
                None if word == "nodelay" => arguments.nodelay = true,
                None if word == "try_first_pass" => arguments.first_pass = FirstPass::Tried,
                None if word == "use_first_pass" => arguments.first_pass = FirstPass::All,
                None if word == "forward_pass" => arguments.forward_pass = true,
                _ => return Err(ArgumentError { word: word.to_owned() }),
            }
        }
        Ok(arguments)
    }
}

/// A word that is not an argument of this module.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct ArgumentError {
    word: String,
}

impl std::fmt::Display for ArgumentError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "module argument `{}`: expected config=/PATH (once), debug, nodelay, try_first_pass, use_first_pass or forward_pass",
            self.word
        )
    }
}

impl std::error::Error for ArgumentError {}
