//! The kernel and the C library behind safe words: trusted files, locks, the passwd database, random numbers.

mod directory;
mod entropy;
mod file;
mod host;
mod lock;
mod patience;
mod program;

pub use directory::{Directory, Prepared, split};
pub use entropy::{Entropy, EntropyError, Kernel};
pub use file::{FileError, Problem, TrustedFile, begin_writing};
pub use host::{
    Accounts, LookUpError, Passwd, Surroundings, Unprivileged, file_size_limit, group_known_as, host_name,
    running_as_root,
};
pub use lock::{Locked, PATIENCE};
pub use program::{Program, ProgramError, Reading};
