//! What is told while people come over, and at the end.

use serde::Serialize;

use super::enrol::{Desk, Moved, Place};
use crate::failure::Failure;
use crate::interruption::Watch;
use crate::output::counted;
use crate::progress::Progress;

/// Who has come over so far, and who has not.
pub(super) struct Summary<'a> {
    desk: &'a Desk<'a>,
    progress: Progress,
    watch: Watch,
    is_broken_off: bool,
    moved: Vec<Moved>,
    failed: Vec<(String, Failure)>,
}

impl<'a> Summary<'a> {
    pub(super) fn begin(desk: &'a Desk<'a>, total: usize) -> Self {
        let (progress, watch) = (Progress::begin(total, desk.output), Watch::begin());
        Self { desk, progress, watch, is_broken_off: false, moved: Vec::new(), failed: Vec::new() }
    }

    pub(super) fn step(&mut self) {
        self.progress.step();
    }

    /// Whether there is to be a next one. If somebody breaks it off, who has come over by then is told of at the end.
    pub(super) fn goes_on(&mut self) -> bool {
        self.is_broken_off = self.watch.is_over();
        !self.is_broken_off
    }

    /// Somebody has come over, or not. Recovery codes are shown at once: what follows may be interrupted.
    pub(super) fn add(&mut self, user: &str, moved: Result<Moved, Failure>) -> Result<(), Failure> {
        match moved {
            Err(failure) => self.fail(user, failure),
            Ok(mut moved) => {
                self.progress.hide();
                let shown = self.desk.output.print(&moved.text(self.desk.how.dry_run));
                if !self.desk.output.is_json() {
                    moved.codes.clear();
                }
                self.moved.push(moved);
                shown.map_err(|failure| failure.unseen(format!("new recovery codes: twofactor recovery {user}")))
            }
        }
    }

    /// Somebody who is left as they are, and why.
    pub(super) fn leave(&mut self, user: &str, why: String) -> Result<(), Failure> {
        self.add(user, Ok(Moved::nothing(user, why)))
    }

    pub(super) fn fail(&mut self, user: &str, failure: Failure) -> Result<(), Failure> {
        self.progress.hide();
        self.failed.push((user.to_owned(), failure));
        match self.failed.last() {
            Some((_, failure)) if !self.desk.output.is_json() => self.desk.output.complain(failure),
            _ => Ok(()),
        }
    }

    pub(super) fn end(self) -> Result<(), Failure> {
        let Self { desk, progress, watch, is_broken_off, moved, failed } = self;
        drop(progress);
        let devices = moved.iter().flat_map(|moved| &moved.devices);
        let (new, known): (Vec<_>, Vec<_>) = devices.partition(|device| device.is_new);
        let (new, known, left) = (new.len(), known.len(), failed.len());
        let came = if desk.how.dry_run { "would come over" } else { "came over" };
        let text = format!("{} {came}, {known} here already, {left} not taken over.\n", counted(new, "device"));
        let users = moved.iter().map(User::of).collect();
        let failed: Vec<_> = failed.iter().map(|(user, failure)| Failed::of(user, failure)).collect();
        let value = Imported { dry_run: desk.how.dry_run, users, failed };
        let shown = desk.output.done(&text, &value).map_err(|failure| failure.unseen(UNSEEN));
        drop(watch);
        shown?;
        if is_broken_off {
            return Err(Failure::new("broken off", "run it again to go on; who has come over stays as they are"));
        }
        match left {
            0 => Ok(()),
            _ => Err(Failure::new(
                format!("{left} could not be taken over"),
                "see above for each; what is mended can be imported again, the rest stays as it is",
            )),
        }
    }
}

/// Where nobody has seen who has come over.
const UNSEEN: &str = "see who is enrolled: twofactor list; new recovery codes for each: twofactor recovery USER";

/// What programs get.
#[derive(Serialize)]
struct Imported<'a> {
    dry_run: bool,
    users: Vec<User<'a>>,
    failed: Vec<Failed<'a>>,
}

#[derive(Serialize)]
struct User<'a> {
    user: &'a str,
    devices: &'a [Place],
    scratch_codes: usize,
    left_behind: &'a [String],
    recovery_codes: Vec<&'a str>,
}

impl<'a> User<'a> {
    fn of(moved: &'a Moved) -> Self {
        Self {
            user: &moved.user,
            devices: &moved.devices,
            scratch_codes: moved.scratch_codes,
            left_behind: &moved.left_behind,
            recovery_codes: moved.codes.iter().map(|code| code.as_str()).collect(),
        }
    }
}

#[derive(Serialize)]
struct Failed<'a> {
    user: &'a str,
    error: &'a str,
    hint: &'a str,
}

impl<'a> Failed<'a> {
    fn of(user: &'a str, failure: &'a Failure) -> Self {
        Self { user, error: &failure.what, hint: &failure.hint }
    }
}
