//! How far a command has come, on a terminal alone: one line of standard error that is written over and gone at the end.

use std::io::{self, IsTerminal, Write};

use crate::output::Output;

/// A bar that grows.
pub(crate) struct Progress {
    total: usize,
    done: usize,
    is_seen: bool,
    /// The percentage that stands there; a serial console would not keep up with every step.
    drawn: Option<usize>,
}

impl Progress {
    /// A bar for so many steps; nothing is shown where nobody looks, or where a single step is all there is.
    pub(crate) fn begin(total: usize, output: &Output) -> Self {
        let is_seen = total > 1 && !output.is_quiet() && io::stderr().is_terminal();
        let mut progress = Self { total, done: 0, is_seen, drawn: None };
        progress.draw();
        progress
    }

    /// One step more.
    pub(crate) fn step(&mut self) {
        self.steps(1);
    }

    /// So many steps more, that were one piece of work.
    pub(crate) fn steps(&mut self, count: usize) {
        self.done += count;
        self.draw();
    }

    /// Makes room for something else, until the next step; with blanks, as a dumb terminal knows no other way.
    pub(crate) fn hide(&mut self) {
        if self.drawn.take().is_some() {
            let _ = write!(io::stderr(), "\r{:LINE$}\r", "");
        }
    }

    fn draw(&mut self) {
        let percent = Some(100 * self.done / self.total.max(1));
        if self.is_seen && self.drawn != percent {
            self.drawn = percent;
            let full = WIDTH * self.done.min(self.total) / self.total.max(1);
            let _ = write!(io::stderr(), "\r[{:.<WIDTH$}] {} of {}", "#".repeat(full), self.done, self.total);
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.hide();
    }
}

/// Of the bar.
const WIDTH: usize = 40;
/// Longer than bar and numbers, shorter than a line.
const LINE: usize = 72;
