//! What `pam-host` is told to do: one JSON object, every key optional, an unknown key refused.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// A PAM application: whom it lets in, what its user types, and what kind of host process it is.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Script {
    pub service: String,
    /// Where the service's file lies, pam_start_confdir(3); otherwise /etc/pam.d.
    pub confdir: Option<PathBuf>,
    /// PAM_USER, in which `{cycle}` is the number of the cycle; without it the modules ask, and the first answer is the
    /// name.
    pub user: Option<String>,
    pub rhost: Option<String>,
    pub ruser: Option<String>,
    pub tty: Option<String>,
    /// Answers to the prompts, in order; after the last one every prompt gets [`Answer::Null`]. Each cycle starts anew.
    pub answers: Vec<Step>,
    /// Passes PAM_SILENT.
    pub silent: bool,
    pub calls: Vec<Call>,
    /// So many whole cycles from pam_start to pam_end in one process. Past ten they are counted, not listed.
    pub repeat: usize,
    /// Really waits where a module asked for a delay after a failure; otherwise the delay is only reported.
    pub fail_delay: bool,

    /// SIGCHLD is SIG_IGN, so the kernel reaps every child.
    pub ignore_sigchld: bool,
    /// SIGCHLD has a handler that reaps every child, like some display managers'.
    pub reap_sigchld: bool,
    /// So many other threads sleep meanwhile, and each cycle runs in a fresh thread that then exits.
    pub threads: usize,
    /// RLIMIT_NOFILE, soft and hard. One descriptor below it must be free for the snapshot afterwards.
    pub nofile_limit: Option<u64>,
    /// RLIMIT_FSIZE in bytes; SIGXFSZ keeps its default.
    pub fsize_limit: Option<u64>,
    /// Descriptors 0 to 2 are closed before PAM is called.
    pub close_standard: bool,
    pub umask: Option<u32>,
    pub cwd: Option<PathBuf>,
    /// Added to the environment.
    pub environment: BTreeMap<String, String>,
    /// setlocale(LC_ALL, …).
    pub locale: Option<String>,
    /// openlog(3) with this ident before PAM is called; afterwards the host logs `the host speaks` under it.
    pub syslog_ident: Option<String>,
}

impl Default for Script {
    fn default() -> Self {
        Script {
            service: "twofactor".into(),
            confdir: None,
            user: None,
            rhost: None,
            ruser: None,
            tty: None,
            answers: Vec::new(),
            silent: false,
            calls: vec![Call::Authenticate],
            repeat: 1,
            fail_delay: false,
            ignore_sigchld: false,
            reap_sigchld: false,
            threads: 0,
            nofile_limit: None,
            fsize_limit: None,
            close_standard: false,
            umask: None,
            cwd: None,
            environment: BTreeMap::new(),
            locale: None,
            syslog_ident: None,
        }
    }
}

/// A function of libpam, between pam_start and pam_end.
#[derive(Clone, Copy, Debug, Deserialize, Serialize, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub enum Call {
    Authenticate,
    Setcred,
    AcctMgmt,
    OpenSession,
    CloseSession,
}

/// What happens at one prompt.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(untagged)]
pub enum Step {
    /// Makes the file `….reached`, waits until the file itself exists, and then answers.
    Wait {
        wait_for_file: PathBuf,
        then: Answer,
    },
    Now(Answer),
}

/// What the conversation gives back.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    Text(String),
    /// Any bytes, in hexadecimal.
    BytesHex(String),
    /// One text, so many times.
    Repeat(String, usize),
    /// PAM_SUCCESS and a response without text.
    Null,
    /// PAM_SUCCESS and no responses at all.
    NoArray,
    /// PAM_CONV_ERR.
    ConvErr,
}

/// Several processes that do the same at the same moment.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Race {
    pub common: Script,
    #[serde(default)]
    pub barrier: Barrier,
    pub workers: Vec<Worker>,
}

/// What the processes of a race wait for one another before.
#[derive(Clone, Copy, Debug, Default, Deserialize, Serialize, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub enum Barrier {
    /// The first call after pam_start.
    #[default]
    Call,
    /// The first answer: everybody sits at the prompt.
    Prompt,
}

/// Wherein one process of a race differs from the others.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Worker {
    pub user: Option<String>,
    pub rhost: Option<String>,
    pub answers: Option<Vec<Step>>,
}
