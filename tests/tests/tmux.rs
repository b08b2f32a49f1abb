//! A set-up within tmux(1): what the pane holds, what somebody with a telephone reads off the window, and how the
//! terminal is left.

use std::thread;
use std::time::{Duration, Instant};

use support::{Colours, Desktop, Eye, Look, Sandbox, oathtool};

#[test]
fn a_qr_code_is_scanned_through_tmux_and_the_code_it_gives_is_taken() {
    let sandbox = Sandbox::installed();
    let desktop = Desktop::on(&sandbox);
    for (user, colours, eye) in [("ann", Colours::DARK, Eye::Camera), ("bob", Colours::SOLARIZED_LIGHT, Eye::Sharp)] {
        sandbox.add_user(user, "correct horse");
        // The last line of the window is tmux's own.
        let look = Look::new("80x24", 10, colours);
        let set_up = format!("twofactor setup {user}; sleep infinity");
        let window = desktop.open(&look, &[&TMUX[..], &["new-session", "-s", user, &set_up]].concat());
        let pane = shows(&sandbox, user, ASKS);
        assert!(!pane.contains("needs a window of"), "{pane}");
        let uri = window.scanned(eye);
        let secret = uri.split_once("secret=").and_then(|(_, rest)| rest.split_once('&')).expect("a secret").0;
        tmux(&sandbox, &["send-keys", "-t", user, &oathtool(secret, &["--totp"]), "Enter"]);
        shows(&sandbox, user, &format!("{user} is enrolled."));
    }
}

#[test]
fn ctrl_c_within_tmux_leaves_the_echo_on_and_the_pane_as_it_was() {
    let sandbox = Sandbox::installed();
    sandbox.add_user("alice", "correct horse");
    sandbox.add_user("bob", "correct horse");
    sandbox.enrol("bob");
    sandbox.stack("twofactor", "auth required pam_twofactor.so\naccount required pam_permit.so\n");
    let shell = "PS1='$ ' bash --norc";
    tmux(&sandbox, &["new-session", "-d", "-s", "shell", "-x", "80", "-y", "24", shell]);
    for (command, prompt) in
        [("twofactor setup alice", ASKS), ("twofactor try bob --service twofactor", "Verification code:")]
    {
        // What is typed before it listens is lost.
        waits_for(&sandbox, "shell", |pane| pane.trim_end().ends_with('$'));
        tmux(&sandbox, &["send-keys", "-t", "shell", &format!("clear; {command}"), "Enter"]);
        shows(&sandbox, "shell", prompt);
        tmux(&sandbox, &["send-keys", "-t", "shell", "77", "C-c"]);
        waits_for(&sandbox, "shell", |pane| pane.trim_end().ends_with('$'));
        tmux(&sandbox, &["send-keys", "-t", "shell", "echo status=$? $(stty -a | grep -ow -e '-*echo')", "Enter"]);
        let pane = shows(&sandbox, "shell", "status=130 echo");
        // The shell's own echo shows that it is on; nothing of a colour is left behind.
        assert!(pane.contains("$ echo status=$? $(stty"), "{pane}");
        let last = sandbox.bash(&format!("{} capture-pane -p -e -t shell", TMUX.join(" "))).succeeded().stdout;
        let last = last.lines().rfind(|line| line.contains("status=130 echo")).expect("it was just there").to_owned();
        assert!(!last.contains('\x1b'), "{last:?}");
    }
    let users = sandbox.bash("ls /var/lib/twofactor/users").succeeded().stdout;
    assert!(!users.contains("alice"), "{users}");
}

fn tmux(sandbox: &Sandbox, arguments: &[&str]) {
    sandbox.run(TMUX[0], [&TMUX[1..], arguments].concat()).succeeded();
}

/// The pane of a session, once it has a text.
#[track_caller]
fn shows(sandbox: &Sandbox, session: &str, text: &str) -> String {
    waits_for(sandbox, session, |pane| pane.contains(text))
}

/// The pane of a session, once it is so.
#[track_caller]
fn waits_for(sandbox: &Sandbox, session: &str, is_so: impl Fn(&str) -> bool) -> String {
    let deadline = Instant::now() + SOON;
    loop {
        let pane = sandbox.run(TMUX[0], [&TMUX[1..], &["capture-pane", "-p", "-t", session]].concat()).stdout;
        if is_so(&pane) {
            return pane;
        }
        assert!(Instant::now() < deadline, "it never was so; the pane:\n{pane}");
        thread::sleep(Duration::from_millis(20));
    }
}

/// With a socket of its own, and nobody's settings.
const TMUX: [&str; 5] = ["tmux", "-S", "/tmp/tmux.socket", "-f", "/dev/null"];
const ASKS: &str = "Code that the app shows now:";
const SOON: Duration = Duration::from_secs(20);
