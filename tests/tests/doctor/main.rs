//! What `twofactor doctor` finds, on machines with Debian's own stacks and the real sshd: each check has a system that
//! it names and, once its own advice is followed to the letter, one that it does not.

mod clock;
mod explained;
mod libpam;
mod logins;
mod machine;
mod many;
mod people;
mod records;
mod selinux;
mod sending;
mod settings;
mod sshd;
mod stacks;
mod text;
