//! Logins by codes that are sent, through real programs: read from the mailbox, as a person would.

use support::{Door, Mailbox, Program};

/// The sender's own mailbox, which needs no server.
const MAILDIR: &str = "\
methods = ['email', 'totp', 'recovery']
rescue_mail = 'helpdesk@example.test'
[mail]
from = 'twofactor@example.test'
transports = ['maildir']
";

#[test]
fn a_mailed_code_gets_in_once() {
    let door = Door::new(Program::Ssh);
    door.sandbox.write("/etc/twofactor/config.toml", MAILDIR, 0o644);
    door.sandbox.bash("install -d -o twofactor -g twofactor -m 700 /var/spool/twofactor");
    door.sandbox
        .run(
            "twofactor",
            ["setup", "alice", "--method", "email", "--address", "alice@example.test", "--no-confirm", "--json"],
        )
        .succeeded();
    let mut mailbox = Mailbox::at(&door.sandbox, "/var/spool/twofactor");
    let mut visit = door.knock("alice");
    let letter = mailbox.next_letter();
    println!("{}", letter.text());
    visit.answer("(sent to a***@e***.test, ? for other ways)", &letter.code());
    visit.is_let_in("outcome=proved reason=code-accepted method=email device=mail");
    println!("{}", door.sandbox.journal().lines().join("\n"));
}
