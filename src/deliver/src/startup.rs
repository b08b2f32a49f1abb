//! From being started to holding an errand. Nothing is read before this process is nobody.

use std::ffi::OsString;
use std::fs::File;
use std::io;
use std::panic;

use nix::fcntl::{OFlag, open};
use nix::sys::prctl;
use nix::sys::signal::SigSet;
use nix::sys::stat::{Mode, umask};
use nix::unistd::{
    Gid, Uid, alarm, chdir, dup2_stdin, getgroups, getresgid, getresuid, read, setgroups, setresgid, setresuid, setuid,
};
use twofactor_message::{ERRAND_MAX_BYTES, Errand, Trouble};
use zeroize::Zeroizing;

use crate::trouble::sender;
use crate::{limits, process};

/// Becomes who the arguments say and reads the errand.
///
/// # Errors
/// The first step that failed; no errand was read then.
pub(crate) fn prepare() -> Result<Errand, Trouble> {
    // Standard error is /dev/null or the host's; neither wants to hear of it.
    panic::set_hook(Box::new(|_| {}));
    process::close_inherited();
    // Before anything listens to it: a failure may have to be logged while this is still root.
    process::clear_environment().map_err(|e| sender(format_args!("clear the environment: {}", e.desc())))?;
    let (uid, gid) = arguments(std::env::args_os().skip(1))?;
    become_user(uid, gid)?;
    process::join_empty_keyring().map_err(|e| sender(format_args!("join an empty keyring: {}", e.desc())))?;
    // The change of user made it so already; this says it.
    prctl::set_dumpable(false).map_err(|e| sender(format_args!("become undumpable: {}", e.desc())))?;
    umask(Mode::S_IRWXG | Mode::S_IRWXO);
    chdir("/").map_err(|e| sender(format_args!("change to the root directory: {}", e.desc())))?;
    process::default_signals();
    SigSet::empty().thread_set_mask().map_err(|e| sender(format_args!("unblock signals: {}", e.desc())))?;
    limits::for_us().map_err(|e| sender(format_args!("set limits: {}", e.desc())))?;
    alarm::set(ERRAND_SECONDS);
    let errand = read_errand()?;
    // The errand's file or pipe is not for the processes that follow.
    nothing_on_standard_input().map_err(|e| sender(format_args!("close standard input: {}", e.desc())))?;
    Ok(errand)
}

/// `UID GID`, neither of them 0.
fn arguments(mut arguments: impl Iterator<Item = OsString>) -> Result<(Uid, Gid), Trouble> {
    let number = |argument: Option<OsString>| argument?.to_str()?.parse::<u32>().ok();
    let (uid, gid) = (number(arguments.next()), number(arguments.next()));
    match (uid, gid, arguments.next()) {
        (Some(uid @ 1..=ID_MAX), Some(gid @ 1..=ID_MAX), None) => Ok((Uid::from_raw(uid), Gid::from_raw(gid))),
        _ => Err(sender("the arguments are not UID and GID of an unprivileged user")),
    }
}

/// Gives up root for good, and looks whether that is so. Who is not root must be that user already.
fn become_user(uid: Uid, gid: Gid) -> Result<(), Trouble> {
    let ids = getresuid().map_err(|e| sender(format_args!("ask for the user: {}", e.desc())))?;
    let was_root = [ids.real, ids.effective, ids.saved].iter().any(|id| id.is_root());
    if was_root {
        limits::known().map_err(|e| sender(format_args!("set limits: {}", e.desc())))?;
        setgroups(&[]).map_err(|e| sender(format_args!("leave all groups: {}", e.desc())))?;
        setresgid(gid, gid, gid).map_err(|e| sender(format_args!("become gid {gid}: {}", e.desc())))?;
        setresuid(uid, uid, uid).map_err(|e| sender(format_args!("become uid {uid}: {}", e.desc())))?;
    }
    let others = getgroups().map_err(|e| sender(format_args!("ask for the groups: {}", e.desc())))?;
    // Who was not root could not leave any group; those of a user are no harm, that of root would be.
    if others.iter().any(|group| *group != gid && (was_root || group.as_raw() == 0)) {
        return Err(sender("still in a group of somebody else"));
    }
    let users = getresuid().map_err(|e| sender(format_args!("ask for the user: {}", e.desc())))?;
    let groups = getresgid().map_err(|e| sender(format_args!("ask for the group: {}", e.desc())))?;
    let is_user = [users.real, users.effective, users.saved] == [uid; 3];
    let is_group = [groups.real, groups.effective, groups.saved] == [gid; 3];
    if !is_user || !is_group {
        return Err(sender(format_args!("not uid {uid} and gid {gid}, and not root")));
    }
    if setuid(Uid::from_raw(0)).is_ok() {
        return Err(sender("could become root again"));
    }
    Ok(())
}

fn read_errand() -> Result<Errand, Trouble> {
    // Wiped, and so not grown piece by piece: that would leave copies of passwords behind.
    let mut frame = Zeroizing::new(vec![0; USUAL_BYTES]);
    let mut length = 0;
    while length <= ERRAND_MAX_BYTES {
        if length == frame.len() {
            let mut larger = vec![0; ERRAND_MAX_BYTES + 1];
            if let Some(beginning) = larger.get_mut(..length) {
                beginning.copy_from_slice(&frame);
            }
            frame = Zeroizing::new(larger);
        }
        match read(io::stdin(), frame.get_mut(length..).unwrap_or_default()) {
            Ok(0) => break,
            Ok(count) => {
                length += count;
                // A host that forks meanwhile may keep the pipe open; an errand says by itself whether it is whole.
                if let Ok(errand) = Errand::decode(frame.get(..length).unwrap_or_default()) {
                    return Ok(errand);
                }
            }
            Err(nix::Error::EINTR) => {}
            Err(e) => return Err(sender(format_args!("read the errand: {}", e.desc()))),
        }
    }
    let frame = frame.get(..length).unwrap_or_default();
    Errand::decode(frame).map_err(|e| sender(format_args!("the errand {e}")))
}

/// Puts /dev/null in the place of standard input.
pub(crate) fn nothing_on_standard_input() -> nix::Result<()> {
    dup2_stdin(nothing()?)
}

/// /dev/null.
pub(crate) fn nothing() -> nix::Result<File> {
    open("/dev/null", OFlag::O_RDWR | OFlag::O_CLOEXEC, Mode::empty()).map(File::from)
}

/// -1 means "leave it as it is" to setresuid(2).
const ID_MAX: u32 = u32::MAX - 1;
/// How long the errand may take to arrive.
const ERRAND_SECONDS: u32 = 10;
/// An errand without certificates in it.
const USUAL_BYTES: usize = 32 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn root_and_what_is_no_number_is_refused() {
        let parsed = |words: &[&str]| arguments(words.iter().map(OsString::from)).ok();
        assert_eq!(parsed(&["998", "997"]), Some((Uid::from_raw(998), Gid::from_raw(997))));
        for bad in [
            &[][..],
            &["998"],
            &["0", "997"],
            &["998", "0"],
            &["998", "997", "0"],
            &["-1", "997"],
            &["4294967295", "997"],
            &["nobody", "nogroup"],
        ] {
            assert_eq!(parsed(bad), None, "{bad:?}");
        }
    }
}
