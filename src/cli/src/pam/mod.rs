//! PAM's stacks as libpam reads and goes through them.

mod control;
pub(crate) mod stack;
pub(crate) mod system;
pub(crate) mod walk;
mod writing;
