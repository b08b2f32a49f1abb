//! `twofactor man`: the manual page, from the definition that parses.
//!
//! One page with every command, as long as somebody can read it and search in it. In mdoc(7), since that has a word for
//! each thing on the page, and with escapes for whatever roff would take for its own.

use std::fs::File;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use clap::{Arg, Command};

use crate::arguments::visible;
use crate::failure::Failure;
use crate::output::Output;

/// Runs the command; the page takes the place of an older one.
pub(crate) fn run(directory: &Path, output: &mut Output) -> Result<(), Failure> {
    let path = directory.join("twofactor.1");
    // Not through a link: root may write where others can.
    let opened =
        File::options().write(true).create(true).truncate(true).mode(0o644).custom_flags(libc::O_NOFOLLOW).open(&path);
    opened.and_then(|mut file| file.write_all(Page::of(&visible()).text.as_bytes())).map_err(|error| {
        Failure::new(format!("{}: cannot write: {error}", path.display()), "name a directory that you may write to")
    })?;
    output.done(&format!("{}\n", path.display()), &path)
}

/// A page as it grows.
struct Page {
    text: String,
}

impl Page {
    fn of(tool: &Command) -> Self {
        let mut page = Self { text: format!(".Dd {DATE}\n.Dt TWOFACTOR 1\n.Os\n") };
        page.section("NAME");
        page.line(&format!(".Nm twofactor\n.Nd {}", lower_first(about(tool).trim_end_matches('.'))));
        page.section("SYNOPSIS");
        page.line(".Nm\n.Op Ar options\n.Ar command\n.Op Ar arguments");
        page.section("DESCRIPTION");
        page.line(DESCRIPTION);
        page.section("OPTIONS");
        page.prose("They may stand before the command or behind it.");
        page.arguments(tool.get_arguments());
        page.line(HELP_AND_VERSION);
        page.section("COMMANDS");
        page.line(".Bl -tag -width Ds");
        for command in tool.get_subcommands() {
            page.command(&[], command);
        }
        page.line(".El");
        page.line(AFTER_COMMANDS);
        page.section("EXAMPLES");
        page.line(".Bd -literal");
        page.examples(tool);
        page.line(".Ed");
        page.line(SECURITY_AND_SEE_ALSO);
        page
    }

    /// One command, or each of its own if it is only a word before them.
    fn command(&mut self, before: &[&str], command: &Command) {
        let words = [before, &[command.get_name()]].concat();
        if command.has_subcommands() {
            for command in command.get_subcommands() {
                self.command(&words, command);
            }
            return;
        }
        self.line(&format!(".It Xo\n.Ic {}", escaped(&words.join(" "))));
        for argument in command.get_arguments() {
            let usage = usage(argument);
            self.line(&if argument.is_required_set() { format!(".{usage}") } else { format!(".Op {usage}") });
        }
        self.line(".Xc");
        self.prose(&about(command));
        if let Some((remark, _)) = split_help(command).filter(|(remark, _)| !remark.is_empty()) {
            self.prose(&remark);
        }
        self.arguments(command.get_arguments());
    }

    fn arguments<'c>(&mut self, arguments: impl Iterator<Item = &'c Arg>) {
        let mut arguments = arguments.peekable();
        if arguments.peek().is_none() {
            return;
        }
        self.line(".Bl -tag -width Ds");
        for argument in arguments {
            self.line(&format!(".It {}", usage(argument)));
            self.prose(&argument.get_help().map(ToString::to_string).unwrap_or_default());
            let (values, defaults) = (argument.get_possible_values(), argument.get_default_values());
            // A switch has true and false.
            if argument.get_action().takes_values() && !values.is_empty() {
                self.line(".Bl -tag -width Ds -compact");
                for value in values {
                    self.line(&format!(".It Cm {}", escaped(value.get_name())));
                    self.prose(&value.get_help().map(ToString::to_string).unwrap_or_default());
                }
                self.line(".El");
            }
            if let ([default], true) = (defaults, argument.get_action().takes_values()) {
                self.prose(&format!("Without it, {}.", default.to_string_lossy()));
            }
        }
        self.line(".El");
    }

    fn examples(&mut self, command: &Command) {
        if let Some((_, examples)) = split_help(command) {
            for example in examples.lines() {
                self.line(&escaped(&format!("# {}", example.trim_start())));
            }
        }
        for command in command.get_subcommands() {
            self.examples(command);
        }
    }

    fn section(&mut self, name: &str) {
        self.line(&format!(".Sh {name}"));
    }

    /// Text, with each sentence on a line of its own, as roff wants them, and none too long for an editor.
    fn prose(&mut self, text: &str) {
        let full_stop = if text.ends_with(['.', '?', '!']) { "" } else { "." };
        let text = escaped(&format!("{text}{full_stop}").replace(". ", ".\n").replace("; ", ";\n"));
        for sentence in text.lines() {
            let mut line = String::new();
            for word in sentence.split_whitespace() {
                if line.len() + 1 + word.len() > LINE_BYTES {
                    self.line(&std::mem::take(&mut line));
                }
                let blank = if line.is_empty() { "" } else { " " };
                line.extend([blank, word]);
            }
            self.line(&line);
        }
    }

    fn line(&mut self, line: &str) {
        self.text.push_str(line);
        self.text.push('\n');
    }
}

/// An option or an argument, in macros.
fn usage(argument: &Arg) -> String {
    let value = argument.get_value_names().and_then(|names| names.first()).map(ToString::to_string);
    match argument.get_long() {
        Some(long) => {
            let value = value.filter(|_| argument.get_action().takes_values());
            let value = value.map(|value| format!(" Ar {value}")).unwrap_or_default();
            format!("Fl \\-{}{value}", escaped(long))
        }
        None => format!("Ar {}", value.unwrap_or_else(|| argument.get_id().to_string().to_uppercase())),
    }
}

fn about(command: &Command) -> String {
    command.get_about().map(ToString::to_string).unwrap_or_default()
}

/// What stands below the options in a command's help: a remark, and the examples.
fn split_help(command: &Command) -> Option<(String, String)> {
    let help = command.get_after_help()?.to_string();
    let (remark, examples) = help.split_once("Examples:\n")?;
    Some((remark.trim().to_owned(), examples.to_owned()))
}

fn lower_first(text: &str) -> String {
    let mut characters = text.chars();
    characters.next().map(|first| first.to_lowercase().chain(characters).collect()).unwrap_or_default()
}

/// Text that roff takes as it stands; what stands between backquotes is bold.
fn escaped(text: &str) -> String {
    let mut bold = false;
    let mut escaped = String::with_capacity(text.len());
    for (at, character) in text.char_indices() {
        match character {
            '\\' => escaped.push_str("\\e"),
            '-' => escaped.push_str("\\-"),
            '`' => {
                bold = !bold;
                escaped.push_str(if bold { "\\fB" } else { "\\fR" });
            }
            // A request at the beginning of a line.
            '.' | '\'' if at == 0 => escaped.extend(["\\&", &character.to_string()]),
            '\'' => escaped.push_str("\\(aq"),
            _ => escaped.push(character),
        }
    }
    escaped
}

/// What mandoc finds long enough.
const LINE_BYTES: usize = 80;

/// When what is not generated was last written anew.
const DATE: &str = "November 26, 2026";

const DESCRIPTION: &str = "\
.Nm
gives people a second factor beside their password or key, which
.Xr pam_twofactor 8
asks for when they log in, and looks after it.
All commands but
.Ic completions
and
.Ic man
need root;
.Ic status
does not for oneself, but tells less then.
.Pp
Where a secret is typed it is not shown.
Ctrl\\-C leaves everything as it was.
A user who does not exist is an error.";

const HELP_AND_VERSION: &str = "\
.Bl -tag -width Ds
.It Fl h , Fl \\-help
Print help, of the command that stands before it if there is one.
.It Fl V , Fl \\-version
Print the version.
.El";

const AFTER_COMMANDS: &str = "\
.Sh STATUS WITHOUT ROOT
What somebody has enrolled only root can read, so
.Ic status
does not tell it to them.
With
.Fl \\-json
each key of it is null, and
.Cm unknown
is a list of all keys whose null means that it is not known;
with root there is no such list.
.Cm command
is what an administrator runs to know.
.Pp
.Cm services
has one entry for each service with a line of ours that can be seen:
.Bl -tag -width Ds
.It Cm reached
Whether logins come to that line.
.It Cm passed_by
Whether any gets in without coming to it.
.It Cm cases
What may hold for a login, in the order in which it is tried.
Each has the number of the
.Cm rule
(null:
.Ic [policy]
itself),
what
.Cm depends_on
the login: rhost, tty, ssh_auth;
and the
.Cm mode ,
.Cm methods
and
.Cm remember_seconds
that it says.
.Cm not_enrolled
is what becomes of somebody who is not enrolled: let\\-in, refused, invite or enroll.
.It Cm why
Why one of these is null: what cannot be read, or what is wrong with it.
.El
.Sh ENVIRONMENT
.Bl -tag -width Ds
.It Ev NO_COLOR
If it is set and not empty, nothing is printed in colours.
A QR code is drawn in plain characters then.
.It Ev TERM
If it is
.Cm dumb
or nothing, there are neither colours nor QR codes.
.It Ev LC_ALL , LC_CTYPE , LANG
The first that is set says whether the terminal shows UTF\\-8.
Where it does not there are no QR codes, and a question mark stands for what is
beyond ASCII.
Where none is set it does, unless
.Ev TERM
is that of a serial console, vt100 or vt220.
.El
.Sh FILES
.Bl -tag -width Ds
.It Pa /etc/twofactor/config.toml
The settings, see
.Xr twofactor.toml 5 .
.It Pa /etc/twofactor/keyring.toml
The keys that seal what is enrolled.
.It Pa /var/lib/twofactor/users
What each user has enrolled, sealed.
.It Pa /var/lib/twofactor/state
What changes with each login: used codes, failures.
Leave it out of backups.
.El
.Sh EXIT STATUS
.Bl -tag -width Ds
.It 0
Done.
.It 1
Refused or failed.
.It 2
Misused: the command line makes no sense.
.El
.Pp
An error is two lines on standard error: what is wrong, and what to do.
With
.Fl \\-json
it is one JSON value on standard output as well, with
.Cm error
and
.Cm hint .";

const SECURITY_AND_SEE_ALSO: &str = "\
.Sh SECURITY
What
.Ic setup ,
.Ic recovery ,
.Ic bypass
and
.Ic invite
print lets somebody in.
Give it to nobody but its owner, and keep it out of logs and histories.
.Sh SEE ALSO
.Xr pam.d 5 ,
.Xr twofactor.toml 5 ,
.Xr pam_twofactor 8 ,
.Xr twofactor\\-deliver 8";
