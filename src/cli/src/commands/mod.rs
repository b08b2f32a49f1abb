//! One command, one file.

pub(crate) mod at_login;
pub(crate) mod bypass;
pub(crate) mod completions;
pub(crate) mod doctor;
pub(crate) mod export;
pub(crate) mod forget;
pub(crate) mod import;
pub(crate) mod invite;
pub(crate) mod keys;
pub(crate) mod language;
pub(crate) mod list;
pub(crate) mod man;
pub(crate) mod policy;
pub(crate) mod recovery;
pub(crate) mod remove;
pub(crate) mod report;
pub(crate) mod resync;
pub(crate) mod setup;
pub(crate) mod show;
pub(crate) mod status;
pub(crate) mod test_send;
pub(crate) mod trial;
pub(crate) mod unlock;

#[cfg(fuzzing)]
pub use {doctor::fuzzed as fuzzed_doctor, import::fuzzed as fuzzed_import};

pub(crate) use status::point_in_time;
