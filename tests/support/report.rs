//! What `pam-host` saw.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// One run of a [`Script`](crate::Script).
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Report {
    /// Every cycle, if there were at most ten.
    pub cycles: Vec<Cycle>,
    /// How often each outcome came; the key joins the names of all calls of a cycle with spaces.
    pub counts: BTreeMap<String, usize>,
    /// Taken ten times along a long run.
    pub samples: Vec<Sample>,
    pub before: Snapshot,
    pub after: Snapshot,
}

impl Report {
    /// The only cycle.
    pub fn cycle(&self) -> &Cycle {
        let [cycle] = self.cycles.as_slice() else {
            panic!("{} cycles, not one: {:?}", self.cycles.len(), self.counts)
        };
        cycle
    }

    /// What the last call of the only cycle returned, as in `PAM_SUCCESS`.
    pub fn outcome(&self) -> &str {
        self.cycle().outcome()
    }
}

/// From pam_start to pam_end.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
pub struct Cycle {
    pub calls: Vec<Called>,
    /// Everything that the modules said, in order.
    pub said: Vec<Said>,
    /// PAM_USER at the end.
    pub user: Option<String>,
    /// The longest delay that was asked for after a failure, pam_fail_delay(3).
    pub fail_delay_microseconds: u32,
    /// In a race: the signal that ended the process before it could report.
    #[serde(default)]
    pub killed_by: Option<i32>,
}

impl Cycle {
    /// What the last call returned.
    pub fn outcome(&self) -> &str {
        match (self.calls.last(), self.killed_by) {
            (_, Some(_)) => "(killed)",
            (Some(called), None) => &called.name,
            (None, None) => "(nothing was called)",
        }
    }

    /// The texts of what was asked, without mere messages.
    pub fn prompts(&self) -> Vec<&str> {
        self.said.iter().filter(|said| said.style.asks()).map(|said| said.text.as_str()).collect()
    }

    /// The texts of what was shown without a question.
    pub fn messages(&self) -> Vec<&str> {
        self.said.iter().filter(|said| !said.style.asks()).map(|said| said.text.as_str()).collect()
    }

    /// How long all calls took together.
    pub fn seconds(&self) -> f64 {
        self.calls.iter().map(|called| called.seconds).sum()
    }
}

/// One call into libpam.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Called {
    /// `start` only if pam_start itself failed.
    pub call: String,
    pub code: i32,
    pub name: String,
    pub seconds: f64,
}

/// One message of a conversation.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Said {
    pub style: Style,
    pub text: String,
}

/// pam_conv(3).
#[derive(Clone, Copy, Debug, Deserialize, Serialize, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub enum Style {
    PromptEchoOff,
    PromptEchoOn,
    ErrorMsg,
    TextInfo,
    Other(i32),
}

impl Style {
    /// Whether an answer is waited for.
    pub fn asks(self) -> bool {
        matches!(self, Style::PromptEchoOff | Style::PromptEchoOn)
    }
}

/// How large the host is after so many cycles.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Sample {
    pub cycles: usize,
    pub resident_kib: u64,
    pub open_files: usize,
}

/// Everything about the host process that a module must leave as it was.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Snapshot {
    /// Real, effective, saved.
    pub uids: [u32; 3],
    /// Real, effective, saved.
    pub gids: [u32; 3],
    pub groups: Vec<u32>,
    pub umask: u32,
    pub cwd: PathBuf,
    pub environment: Vec<String>,
    pub locale: String,
    /// By signal number.
    pub signals: BTreeMap<i32, Disposition>,
    /// The signals that the main thread blocks.
    pub blocked: Vec<i32>,
    /// What /proc/self/fd says of each descriptor.
    pub open_files: BTreeMap<i32, String>,
    /// Living or waiting to be reaped.
    pub children: Vec<i32>,
    pub threads: usize,
    pub resident_kib: u64,
}

impl Snapshot {
    /// What differs afterwards, as readable lines. Memory may grow; everything else is the host's own.
    pub fn differences(&self, after: &Snapshot) -> Vec<String> {
        let (Ok(Value::Object(before)), Ok(Value::Object(after))) =
            (serde_json::to_value(self), serde_json::to_value(after))
        else {
            panic!("a snapshot is a JSON object");
        };
        let changed = before.iter().filter(|(key, value)| *key != "resident_kib" && after.get(*key) != Some(*value));
        changed.map(|(key, value)| format!("{key}: {value} became {}", after[key])).collect()
    }
}

/// sigaction(2), read back.
#[derive(Clone, Debug, Deserialize, Serialize, PartialEq, Eq)]
pub struct Disposition {
    /// The address of the handler; 0 is SIG_DFL, 1 is SIG_IGN.
    pub handler: usize,
    pub flags: i32,
}
