//! What people are spoken to in: by the settings, by their enrolment, and in the administrator's own sentences.

use serde_json::{Value, json};
use support::{Mailbox, Report, Sandbox, Secret, checkout, two_lines};

const CONFIG: &str = "/etc/twofactor/config.toml";
const BY_MAILDIR: &str = "\
methods = ['totp', 'email', 'recovery']
rescue_mail = 'helpdesk@example.test'
[mail]
from = 'twofactor@example.test'
transports = ['maildir']
";

#[test]
fn german_by_the_settings_is_spoken_to_everybody_strangers_as_well() {
    let house = House::new();
    house.configure("language = 'de'\nrescue_mail = 'helpdesk@example.org'\n");
    let report = house.knock("alice", &["000000", "?", "", &house.secret.recovery_codes[0]]);
    let menu = "\
Andere Wege:
  1  der Code, den Ihre Authenticator-App zeigt
  2  einer Ihrer Notfallcodes (xxxx-xxxx-xxxx-xxxx), jeder gilt einmal
  3  die Administration um Hilfe bitten (helpdesk@example.org)
Bestätigungscode: (oder eine Nummer aus der Liste) ";
    let cycle = report.cycle();
    let expected = [
        "Bestätigungscode: ",
        "Bestätigungscode: (falscher Code, noch 2 Versuche, ? für Hilfe) ",
        menu,
        "Bestätigungscode: (nichts eingegeben, noch 1 Versuch, ? für Hilfe) ",
    ];
    assert_eq!(cycle.prompts(), expected);
    assert_eq!((report.outcome(), cycle.messages()), ("PAM_SUCCESS", vec!["Noch 9 Notfallcodes übrig."]));
    let refused = "Das wurde nicht angenommen. Wenn Sie keinen zweiten Faktor (mehr) haben, fragen Sie \
                   Ihre Administration.";
    for user in ["alice", "bob", "nobody-of-that-name"] {
        let report = house.knock(user, &["000000", "000000", "000000"]);
        assert_eq!((report.outcome(), report.cycle().messages()), ("PAM_AUTH_ERR", vec![refused]), "{user}");
    }
}

#[test]
fn french_by_enrolment_stands_beside_english_for_the_others_and_ends_as_it_began() {
    let house = House::new();
    house.tool(&["language", "alice", "fr"]);
    let asked = |user| house.knock(user, &["000000"]).cycle().prompts()[..2].join("|");
    let french =
        "Code de vérification\u{a0}: |Code de vérification\u{a0}: (code incorrect, encore 2 essais, ?\u{a0}: aide) ";
    let english = "Verification code: |Verification code: (wrong code, 2 tries left, ? for help) ";
    assert_eq!(asked("alice"), french);
    assert_eq!(asked("bob"), english);
    // A prompt that clients wait for is said in every language, and what follows it in one's own.
    house.configure("[prompt]\ncode = \"Code: \"\n");
    let prompts = house.knock("alice", &["000000"]);
    assert!(prompts.cycle().prompts()[1].starts_with("Code: (code incorrect, "), "{:?}", prompts.cycle().prompts());
    house.configure("# nothing\n");
    house.tool(&["language", "alice", "default"]);
    assert_eq!(asked("alice"), english);
}

#[test]
fn the_language_is_chosen_at_set_up_and_changed_later_and_nothing_is_lost_by_it() {
    let house = House::new();
    let before = house.status("alice");
    assert_eq!(before["language"], Value::Null);
    assert_eq!(house.tool(&["language", "alice", "de"]), "alice is spoken to in German from now on.\n");
    let shown = house.tool(&["status", "alice"]);
    assert!(shown.contains("\nLanguage:     de\n"), "{shown}");
    let mut after = house.status("alice");
    assert_eq!(after["language"].take(), "de");
    assert_eq!(after, before);
    assert_eq!(house.knock("alice", &[&house.secret.recovery_codes[3]]).outcome(), "PAM_SUCCESS");
    // Another device leaves it as it is, unless it is said.
    for (more, expected) in [(&[][..], "de"), (&["--language", "fr"], "fr")] {
        let words = [&["setup", "alice", "--no-confirm", "--json", "--label", expected][..], more].concat();
        house.tool(&words);
        assert_eq!(house.status("alice")["language"], expected);
    }
    let json = house.tool(&["language", "alice", "default", "--json"]);
    assert_eq!(serde_json::from_str::<Value>(&json).unwrap(), json!({ "user": "alice", "language": null }));

    let (error, hint) = two_lines(&house.sandbox.run("twofactor", ["language", "bob", "de"]), 1);
    assert_eq!((error.as_str(), hint.contains("twofactor setup bob")), ("bob: not enrolled", true));
    let (error, _) = two_lines(&house.sandbox.run("twofactor", ["language", "alice", "nl"]), 2);
    assert!(error.contains("invalid value 'nl'"), "{error}");
    let by_alice = ["-u", "alice", "--", "twofactor", "language", "alice", "de"];
    let (error, _) = two_lines(&house.sandbox.run("runuser", by_alice), 1);
    assert_eq!(error, "only root can read and change second factors");
    assert_eq!(house.status("alice")["language"], Value::Null);
}

#[test]
fn an_enrolment_in_a_language_that_nobody_knows_denies() {
    let house = House::new();
    house.tool(&["language", "alice", "fr"]);
    let path = "/var/lib/twofactor/users/alice.toml";
    let enrolment = house.sandbox.read(path).replace("language = \"fr\"", "language = \"tlh\"");
    house.sandbox.write(path, enrolment, 0o600);
    let report = house.knock("alice", &[&house.secret.code()]);
    let cycle = report.cycle();
    assert_eq!((report.outcome(), cycle.prompts().len()), ("PAM_AUTHINFO_UNAVAIL", 0));
    assert_eq!(cycle.messages(), [ours("en", "unavailable")]);
}

#[test]
fn the_administrators_sentences_stand_in_the_place_of_ours() {
    let house = House::new();
    house.configure(
        "[messages]\ncode_prompt = 'Token'\nwrong_code = 'no, {tries}'\nrefused = 'Room 4.12.'\n\
         [messages.de]\nwrong_code = 'nein, {tries}'\ntries = 'noch {count}'\n[messages.en]\nno_code = 'nothing'\n",
    );
    let report = house.knock("alice", &["000000", "", "000000"]);
    assert_eq!(report.cycle().prompts(), ["Token ", "Token (no, 2 tries left) ", "Token (nothing) "]);
    assert_eq!(report.cycle().messages(), ["Room 4.12."]);
    house.tool(&["unlock", "alice"]);
    house.tool(&["language", "alice", "de"]);
    let report = house.knock("alice", &["000000", "", "000000"]);
    let prompts = ["Token ", "Token (nein, noch 2) ", "Token (nichts eingegeben, noch 1 Versuch, ? für Hilfe) "];
    assert_eq!(report.cycle().prompts(), prompts);
    assert_eq!(report.cycle().messages(), ["Room 4.12."]);
}

#[test]
fn a_sentence_that_would_mislead_denies_and_is_named_by_its_place() {
    let house = House::new();
    let printable = "a sentence has 1 to 200 bytes of printable text on one line";
    let long = format!("[messages]\nrefused = '{}'", "x".repeat(201));
    for (config, place, what) in [
        ("language = 'german'", (1, 12), "unknown value `german`: expected one of en, de, fr"),
        ("language = 'En'", (1, 12), "unknown value `En`: did you mean `en`?"),
        ("[messages]\nwrongcode = 'x'", (2, 1), "unknown key `wrongcode`: did you mean `wrong_code`?"),
        ("[messages.de]\nrefussed = 'x'", (2, 1), "unknown key `refussed`: did you mean `refused`?"),
        ("[messages.da]\nrefused = 'x'", (1, 11), "unknown key `da`: did you mean `de`?"),
        ("[messages]\nwait = 'wait {tim}'", (2, 8), "nothing fills in {tim}: it can be {time}"),
        ("[messages.fr]\n\nwait = 'attendez'", (3, 8), "without {time} the sentence would be of no use"),
        ("[messages]\nsent = 'it is out'", (2, 8), "without {to} the sentence would be of no use"),
        ("[messages]\nasked = '{address}'", (2, 9), "without {reference} the sentence would be of no use"),
        ("[messages]\nrefused = 'no, {user}'", (2, 11), "a brace stands only around a word that is filled in"),
        ("[messages]\nwait = '{Time} {time}'", (2, 8), "a brace stands only around a word that is filled in"),
        ("[messages]\nrefused = ''", (2, 11), printable),
        ("[messages]\nrefused = \"a\\nVerification code: \"", (2, 11), printable),
        ("[messages]\nrefused = \"\\u001b[2J\"", (2, 11), printable),
        ("[messages.de]\nrefused = \"a\\u202eb\"", (2, 11), printable),
        (&long, (2, 11), printable),
        ("[prompt]\ncode = 'x'\n[messages.de]\ncode_prompt = 'y'", (3, 2), "[prompt] says already how prompts begin"),
    ] {
        house.configure(config);
        let mistake = format!("{CONFIG}: line {}, column {}: {what}", place.0, place.1);
        let (error, hint) = two_lines(&house.sandbox.run("twofactor", ["status", "alice"]), 1);
        assert_eq!(error, mistake);
        assert_eq!(hint, format!("mend line {} of {CONFIG}; until then nobody is let in", place.0));
        let journal = house.sandbox.journal().from_here();
        let report = house.knock("alice", &[&house.secret.code()]);
        let cycle = report.cycle();
        assert_eq!((report.outcome(), cycle.prompts().len()), ("PAM_SYSTEM_ERR", 0), "{config}");
        assert_eq!(cycle.messages(), [ours("en", "unavailable")]);
        let logged = journal.lines_with("event=login outcome=misconfigured");
        let first_words = mistake.split(['"', '\\', '`']).next().unwrap();
        assert!(logged.len() == 1 && logged[0].contains(&format!("error=\"{first_words}")), "{logged:?}");
    }
    house.configure("# mended\n");
    assert_eq!(house.knock("alice", &[&house.secret.code()]).outcome(), "PAM_SUCCESS");
}

#[test]
fn codes_and_notices_come_in_the_language_of_who_reads_them_and_calls_for_help_in_the_administrators() {
    let house = House::new();
    house.configure(BY_MAILDIR);
    let mut mailbox = Mailbox::at(&house.sandbox, "/var/spool/twofactor");
    let mail = ["setup", "alice", "--method", "email", "--address", "alice@example.test", "--primary", "--no-confirm"];
    house.tool(&[&mail[..], &["--language", "de", "--json"]].concat());
    let script = json!({ "user": "alice", "answers": [{ "text": "?" }, { "text": "4" }], "rhost": "192.0.2.7" });
    let report = house.sandbox.pam_host(script);
    let prompts = report.cycle().prompts();
    assert_eq!(prompts[0], "Bestätigungscode: (gesendet an a***@e***.test, ? für andere Wege) ");
    assert!(prompts[2].contains("(Ihre Administration wurde um Hilfe gebeten, Referenz "), "{prompts:?}");
    let letter = mailbox.next_letter();
    assert_eq!(letter.subject(), format!("{} ist Ihr Anmeldecode für testhost", letter.code()));
    let text = letter.text().replace("\r\n", "\n");
    for part in
        ["ist der Code für die Anmeldung als alice auf testhost.", "\n  Von      192.0.2.7\n", "5 Minuten, einmal"]
    {
        assert!(text.contains(part), "{part}: {text}");
    }
    assert!(letter.raw.is_ascii(), "{}", letter.raw);
    let call = mailbox.next_letter();
    assert!(call.subject().starts_with("alice asks for help to log in to testhost ["), "{}", call.subject());

    assert_eq!(house.knock("alice", &[&house.secret.recovery_codes[0]]).outcome(), "PAM_SUCCESS");
    let notice = mailbox.next_letter();
    assert_eq!(notice.subject(), "Ein Notfallcode wurde benutzt: alice auf testhost");
    assert!(notice.text().contains("Verbleibende Notfallcodes: 9"), "{}", notice.text());
    house.tool(&["setup", "alice", "--replace", "--no-confirm", "--json"]);
    let notice = mailbox.next_letter();
    assert_eq!(notice.subject(), "Ein zweiter Faktor wurde hinzugefügt: alice auf testhost");
    assert!(notice.text().contains("totp \"authenticator\", anstelle des bisherigen"), "{}", notice.text());
    house.tool(&["language", "alice", "fr"]);
    house.tool(&["remove", "alice", "--method", "totp"]);
    let notice = mailbox.next_letter();
    assert_eq!(notice.subject(), "Un second facteur a été retiré\u{a0}: alice sur testhost");
    assert!(notice.text().contains("Tout ce qui est de type totp"), "{}", notice.text());
}

#[test]
fn the_sentences_of_the_default_file_are_those_that_are_said() {
    let config = std::fs::read_to_string(checkout().join("packaging/config.toml")).unwrap();
    let listed: Vec<_> = config.lines().filter_map(|line| line.strip_prefix("#   ")).collect();
    let ours = sentences("en");
    let start = listed.iter().position(|line| *line == ours.lines().next().unwrap()).expect("the first one is there");
    assert_eq!(listed[start..start + ours.lines().count()].join("\n"), ours.trim_end());
}

#[test]
fn a_sentence_of_every_language_takes_no_more_lines_than_in_english() {
    let width = |text: &str| text.chars().count();
    for language in ["de", "fr"] {
        for line in sentences("en").lines() {
            let (key, english) = line.split_once(" = ").unwrap();
            let theirs = ours(language, key);
            // What is filled in is the same; a remark stands behind the beginning of its prompt.
            let prompt = |of: &str| width(&ours(of, "code_prompt")) + " () ".len();
            let (before, after) = (prompt("en") + width(english), prompt(language) + width(&theirs));
            let is_remark = english.starts_with(char::is_lowercase) && !key.starts_with("way_");
            assert!(!is_remark || before > 80 || after <= 80, "{language}: {theirs}");
        }
    }
}

fn sentences(language: &str) -> String {
    std::fs::read_to_string(checkout().join(format!("src/core/src/words/{language}.txt"))).unwrap()
}

/// Our own sentence of this name.
fn ours(language: &str, key: &str) -> String {
    let begin = format!("{key} = ");
    let text = sentences(language).lines().find_map(|line| line.strip_prefix(&begin).map(str::to_owned));
    text.unwrap_or_else(|| panic!("no {key} in {language}"))
}

/// A machine on which alice is enrolled, and bob is not.
struct House {
    sandbox: Sandbox,
    secret: Secret,
}

impl House {
    fn new() -> House {
        let sandbox = Sandbox::installed();
        sandbox.add_user("alice", "correct horse");
        sandbox.add_user("bob", "correct horse");
        sandbox.stack("twofactor", "auth required pam_twofactor.so\n");
        let secret = sandbox.enrol("alice");
        House { sandbox, secret }
    }

    fn configure(&self, config: &str) {
        self.sandbox.write(CONFIG, config, 0o644);
    }

    /// Lets somebody answer the prompts.
    fn knock(&self, user: &str, answers: &[&str]) -> Report {
        let answers: Vec<_> = answers.iter().map(|text| json!({ "text": text })).collect();
        self.sandbox.pam_host(json!({ "user": user, "answers": answers }))
    }

    /// What the tool says to it.
    #[track_caller]
    fn tool(&self, arguments: &[&str]) -> String {
        self.sandbox.run("twofactor", arguments.iter()).succeeded().stdout
    }

    fn status(&self, user: &str) -> Value {
        let mut status: Value = serde_json::from_str(&self.tool(&["status", user, "--json"])).unwrap();
        status["last_success"].take();
        status
    }
}
