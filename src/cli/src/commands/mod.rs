//! One command, one file.

pub(crate) mod bypass;
pub(crate) mod keys;
pub(crate) mod list;
pub(crate) mod recovery;
pub(crate) mod remove;
pub(crate) mod report;
pub(crate) mod setup;
pub(crate) mod status;
pub(crate) mod test_send;
pub(crate) mod trial;
pub(crate) mod unlock;
