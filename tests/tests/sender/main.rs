//! `twofactor-deliver` as a whole, the release build in a sandbox: what arrives, what bad servers can do to it, what it
//! keeps from those who talk to it, and what is left of it.

mod confined;
mod fenced;
mod hostile;
mod house;
mod life;
mod mail;
mod texts;
