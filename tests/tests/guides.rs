//! The guides of `docs/`, followed to the letter.

use std::fs;

use serde_json::{Value, json};
use support::{Output, Sandbox, checkout};

#[test]
fn a_backup_brings_everybody_back_but_no_used_code() {
    let guide = Guide::new("backup.md", "");
    let secret = guide.sandbox.enrol("alice");
    assert_eq!(guide.login(&secret.code()), "PAM_SUCCESS");
    guide.follow("tar -C / -cpf /root/twofactor.tar etc/twofactor var/lib/twofactor/users");
    guide.follow("chmod 600 /root/twofactor.tar");

    guide.sandbox.bash("rm -r /etc/twofactor /var/lib/twofactor").succeeded();
    guide.sandbox.install();
    guide.follow("tar -C / -xpf /root/twofactor.tar");
    assert_eq!(guide.follow("twofactor list").stdout.lines().filter(|line| line.starts_with("alice ")).count(), 1);
    guide.follow("twofactor doctor");
    assert_eq!(guide.login(&secret.code()), "PAM_AUTH_ERR", "the code of this moment");
    assert_eq!(guide.login(&secret.recovery_codes[0]), "PAM_AUTH_ERR");
    assert_eq!(guide.login(&secret.code_in(30)), "PAM_AUTH_ERR", "it would have been taken at this moment");
    let shown = guide.follow("twofactor recovery alice").stdout;
    let code = shown.split_whitespace().find(|word| word.len() == 19).expect("a recovery code").to_owned();
    assert_eq!(guide.login(&code), "PAM_SUCCESS");
}

#[test]
fn keys_are_rotated_and_old_ones_retired_without_anybody_noticing() {
    let guide = Guide::new("backup.md", "");
    let secret = guide.sandbox.enrol("alice");
    guide.follow("twofactor keys rotate");
    guide.follow("twofactor keys list");
    guide.follow("twofactor keys rotate --resume --retire");
    assert_eq!(guide.login(&secret.code()), "PAM_SUCCESS");
}

#[test]
fn who_has_lost_a_phone_gets_in_once_and_sets_up_another_where_they_log_in() {
    let guide = Guide::new("losing-a-phone.md", "[policy]\nunenrolled = 'invite'\n");
    let lost = guide.sandbox.enrol("alice");
    guide.follow("twofactor status alice");
    let shown = guide.follow("twofactor bypass alice --lifetime 30m").stdout;
    let bypass = shown.split_whitespace().find(|word| word.len() == 19).expect("a bypass code").to_owned();
    assert_eq!(guide.login(&bypass), "PAM_SUCCESS");
    assert_eq!(guide.login(&bypass), "PAM_AUTH_ERR");
    guide.sandbox.run("twofactor", ["unlock", "alice"]).succeeded();

    guide.follow("twofactor remove alice --label authenticator");
    assert_eq!(guide.login(&lost.code()), "PAM_AUTH_ERR");
    assert_eq!(guide.login(&lost.recovery_codes[0]), "PAM_AUTH_ERR");
    let status = guide.sandbox.run("twofactor", ["status", "alice"]).succeeded().stdout;
    assert!(status.contains("alice is not enrolled"), "{status}");
    guide.follow("twofactor invite alice");
    let status = guide.sandbox.run("twofactor", ["status", "alice"]).succeeded().stdout;
    assert!(status.contains("\nInvited:"), "{status}");
}

#[test]
fn a_roll_out_goes_from_nobody_to_everybody_and_back() {
    let guide = Guide::new("rolling-out.md", "[policy]\nmode = \"monitor\"\n");
    assert_eq!(guide.login("000000"), "PAM_PERM_DENIED", "alone in its stack, the module asks for nothing");
    guide.sandbox.bash("usermod -aG staff alice; touch /var/log/auth.log").succeeded();
    // A stack of nothing but our line is for the codes of this test alone, and the doctor says so.
    let findings = guide.sandbox.run("twofactor", ["doctor"]);
    assert!(guide.text.contains("twofactor doctor\n"), "{}", guide.text);
    assert!(findings.stdout.contains("warn  mode \"monitor\" keeps nobody out\n"), "{}", findings.stdout);
    guide.follow("twofactor report --since 7d");
    guide.follow("twofactor report --since 7d --group staff --html /root/rollout.html");
    for settings in guide.blocks("[policy]").into_iter().chain(guide.blocks("[[policy.rule]]")) {
        guide.sandbox.write("/etc/twofactor/config.toml", settings, 0o644);
        guide.follow("twofactor policy alice --service sshd");
    }
    guide.follow("twofactor invite alice --lifetime 7d");
    guide.follow("twofactor list");
    guide.follow("twofactor status alice");
}

#[test]
fn the_wiring_of_sddm_takes_password_and_code_in_one_field() {
    let guide = Guide::new("wiring.md", "");
    let secret = guide.sandbox.enrol("alice");
    // The others are lines for stacks that there are.
    let mut blocks = guide.blocks("auth required");
    blocks.retain(|block| block.contains("forward_pass"));
    let [lines] = blocks.try_into().expect("one stack of our own");
    guide.sandbox.stack("twofactor", &format!("{lines}account required pam_permit.so\n"));
    assert_eq!(guide.login(&format!("wrong{}", secret.code())), "PAM_AUTH_ERR");
    guide.sandbox.run("twofactor", ["unlock", "alice"]).succeeded();
    assert_eq!(guide.login(&format!("{PASSWORD}{}", secret.code_in(30))), "PAM_SUCCESS");
}

/// A guide beside a machine with alice and one service.
struct Guide {
    sandbox: Sandbox,
    text: String,
}

impl Guide {
    fn new(name: &str, settings: &str) -> Guide {
        let sandbox = Sandbox::installed();
        sandbox.add_user("alice", PASSWORD);
        sandbox.stack("twofactor", "auth required pam_twofactor.so nodelay\naccount required pam_permit.so\n");
        sandbox.write("/etc/twofactor/config.toml", format!("# settings\n{settings}"), 0o644);
        let text = fs::read_to_string(checkout().join("docs").join(name)).expect("a guide");
        Guide { sandbox, text }
    }

    /// Runs a command that the guide has, as root, which is what its sudo is for.
    #[track_caller]
    fn follow(&self, command: &str) -> Output {
        assert!(self.text.contains(&format!("\n    sudo {command}\n")), "the guide has no {command}");
        self.sandbox.bash(command).succeeded()
    }

    /// What the guide says is to be written, by how it begins.
    fn blocks(&self, beginning: &str) -> Vec<String> {
        let blocks = self.text.split("\n\n").filter(|block| block.starts_with(&format!("    {beginning}")));
        let unindented = |line: &str| format!("{}\n", line.trim_start());
        let blocks: Vec<String> = blocks.map(|block| block.lines().map(unindented).collect()).collect();
        assert!(!blocks.is_empty(), "{beginning}");
        blocks
    }

    /// One login with one answer.
    #[track_caller]
    fn login(&self, answer: &str) -> String {
        let script: Value = json!({ "user": "alice", "answers": [{ "text": answer }] });
        self.sandbox.pam_host(script).outcome().to_owned()
    }
}

const PASSWORD: &str = "correct horse";
