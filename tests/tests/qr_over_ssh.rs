//! The QR code of a set-up at login, as a real ssh client shows it in a real terminal, read back by a reader that is not
//! ours. Here pam_echo(8) says what is said there: sshd makes one prompt of it and of the question that follows.

use support::{Begun, Colours, Desktop, Door, Emulator, Eye, Look, Program, Window};

#[test]
fn a_dark_terminal_shows_the_whole_code_through_ssh() {
    let door = Door::new(Program::Ssh);
    let desktop = Desktop::on(&door.sandbox);
    let Begun { uri, drawings: [dark, _], .. } = usual(&door);
    say_before_the_code(&door, &dark);
    for (size, points, colours) in [
        ("80x24", 8, Colours::DARK),
        ("80x24", 10, Colours::SOLARIZED_DARK),
        ("80x24", 11, Colours::DARK),
        ("100x42", 9, Colours::SOLARIZED_DARK),
        ("100x42", 12, Colours::DARK),
    ] {
        for emulator in [Emulator::Xterm, Emulator::Rxvt] {
            let window = knock(&door, &desktop, &Look { emulator, ..Look::new(size, points, colours) });
            assert_eq!(window.scanned(Eye::Sharp), uri);
            assert_eq!(window.scanned(Eye::Camera), uri);
        }
    }
}

#[test]
fn a_light_terminal_shows_the_other_drawing_through_ssh() {
    let door = Door::new(Program::Ssh);
    let desktop = Desktop::on(&door.sandbox);
    let Begun { uri, drawings: [_, light], .. } = usual(&door);
    say_before_the_code(&door, &light);
    for (emulator, size, points, colours) in [
        (Emulator::Rxvt, "80x24", 8, Colours::LIGHT),
        (Emulator::Rxvt, "80x24", 11, Colours::SOLARIZED_LIGHT),
        (Emulator::Rxvt, "100x42", 10, Colours::LIGHT),
        // With a font size at which it leaves no gaps.
        (Emulator::Xterm, "80x24", 9, Colours::SOLARIZED_LIGHT),
        (Emulator::Xterm, "80x24", 12, Colours::LIGHT),
        (Emulator::Xterm, "100x42", 9, Colours::LIGHT),
    ] {
        let window = knock(&door, &desktop, &Look { emulator, ..Look::new(size, points, colours) });
        assert_eq!(window.scanned(Eye::Sharp), uri);
        assert_eq!(window.scanned(Eye::Camera), uri);
    }
}

#[test]
fn a_drawing_on_the_wrong_ground_is_read_only_by_who_reads_inverted_codes() {
    let door = Door::new(Program::Ssh);
    let desktop = Desktop::on(&door.sandbox);
    let Begun { uri, drawings: [dark, light], .. } = usual(&door);
    // Among them the size at which xterm leaves the widest gaps.
    for (drawing, points, colours) in
        [(&dark, 9, Colours::LIGHT), (&dark, 11, Colours::LIGHT), (&light, 12, Colours::DARK)]
    {
        say_before_the_code(&door, drawing);
        let window = knock(&door, &desktop, &Look::new("80x24", points, colours));
        assert_eq!(window.scanned(Eye::Either), uri);
        assert_eq!(window.scan(Eye::Sharp), None);
        assert_eq!(window.scan(Eye::Camera), None);
    }
}

#[test]
fn long_names_and_the_question_fit_a_terminal_of_80_by_24() {
    let door = Door::new(Program::Ssh);
    let desktop = Desktop::on(&door.sandbox);
    let Begun { uri, drawings: [dark, light], .. } = long(&door);
    assert_eq!(dark.lines().count(), 23);
    say_before_the_code(&door, &dark);
    let window = knock(&door, &desktop, &Look::new("80x24", 10, Colours::DARK));
    assert_eq!(window.scanned(Eye::Camera), uri);
    say_before_the_code(&door, &light);
    let window = knock(&door, &desktop, &Look::new("80x24", 9, Colours::LIGHT));
    assert_eq!(window.scanned(Eye::Camera), uri);
}

#[test]
fn words_to_the_right_of_a_code_disturb_nobody() {
    let door = Door::new(Program::Ssh);
    let desktop = Desktop::on(&door.sandbox);
    let Begun { uri, secret, drawings } = long(&door);
    for (drawing, colours) in drawings.iter().zip([Colours::DARK, Colours::LIGHT]) {
        let words = ["Scan this with the app, or type it in:", &secret[..19], &secret[20..]];
        let lines = drawing.lines().zip(words.iter().chain([&""].into_iter().cycle()));
        let beside: Vec<_> = lines.map(|(line, word)| format!("{line} {}", word.get(..34).unwrap_or(word))).collect();
        say_before_the_code(&door, &beside.join("\n"));
        let window = knock(&door, &desktop, &Look::new("80x24", 9, colours));
        assert_eq!(window.scanned(Eye::Sharp), uri);
        assert_eq!(window.scanned(Eye::Camera), uri);
    }
}

#[test]
fn a_client_without_unicode_shows_no_code_and_gets_in_all_the_same() {
    let door = Door::new(Program::Ssh);
    let desktop = Desktop::on(&door.sandbox);
    let alice = door.enrol("alice");
    let Begun { drawings: [dark, _], .. } = usual(&door);
    say_before_the_code(&door, &dark);
    let window = knock(&door, &desktop, &Look { locale: "C", ..Look::new("100x42", 9, Colours::DARK) });
    assert!(window.shown().contains(r"\342\226\210"), "{}", window.shown());
    assert!(window.shown().is_ascii(), "{}", window.shown());
    assert_eq!(window.scan(Eye::Either), None);
    window.type_line(&alice.code());
    window.wait_for("let in: alice");
}

/// What sshd's stack says from now on, in the prompt for a code and before its text.
fn say_before_the_code(door: &Door, text: &str) {
    // The client begins with whose prompt it is: that line is for nothing else. pam_echo(8) has no use for a line feed
    // at the end, since sshd adds one.
    door.sandbox.write("/run/said", format!("\n{}", text.trim_end_matches('\n')), 0o644);
    let ours = "auth optional pam_echo.so file=/run/said\nauth required pam_twofactor.so nodelay\n";
    door.sandbox.stack("sshd", &format!("{ours}account required pam_permit.so\nsession required pam_permit.so\n"));
}

/// alice comes by ssh, at a terminal that looks so, and is asked for a code.
#[track_caller]
fn knock<'d>(door: &Door, desktop: &'d Desktop<'_>, look: &Look) -> Window<'d> {
    let window = desktop.open(look, &door.ssh_command(&[], "127.0.0.1", "alice", &[]));
    window.wait_for("Verification code: ");
    window
}

/// The names that most people have.
fn usual(door: &Door) -> Begun {
    door.sandbox.begin_set_up("login.example.org", "alice")
}

fn long(door: &Door) -> Begun {
    door.sandbox.begin_set_up("vpn.corp.example.org", "bartholomew.cubb")
}
