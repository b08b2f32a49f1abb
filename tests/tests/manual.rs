//! What is written about the tool and the module, against what they are: pages, completions, guides.

use std::collections::BTreeSet;
use std::fs;
use std::process::{Command, Output};
use std::time::Duration;

use support::{Sandbox, checkout, release};

#[test]
fn the_page_and_the_completions_are_what_the_definition_makes() {
    let directory = std::env::temp_dir().join(format!("twofactor-manual-{}", std::process::id()));
    fs::create_dir_all(&directory).unwrap();
    assert!(tool(&["man", directory.to_str().unwrap()]).status.success());
    let page = fs::read_to_string(directory.join("twofactor.1")).unwrap();
    fs::remove_dir_all(&directory).unwrap();
    assert!(page == read("packaging/man/twofactor.1"), "make it anew: twofactor man packaging/man");
    for shell in ["bash", "zsh", "fish"] {
        let script = stdout(&tool(&["completions", shell]));
        let kept = format!("packaging/completions/twofactor.{shell}");
        assert!(script == read(&kept), "make it anew: twofactor completions {shell} > {kept}");
    }
}

#[test]
fn what_is_hidden_is_told_nowhere() {
    for path in
        [&PAGES[..], &["packaging/completions/twofactor.bash"], &["packaging/completions/twofactor.zsh"]].concat()
    {
        assert!(!read(path).replace("\\-", "-").contains("at-login"), "{path}");
    }
    assert!(!read("packaging/completions/twofactor.fish").contains("at-login"));
}

#[test]
fn every_command_has_an_example_in_its_help_and_on_the_page() {
    let page = read("packaging/man/twofactor.1").replace("\\-", "-").replace("\\(aq", "'");
    for command in commands() {
        let words: Vec<&str> = command.split(' ').chain(["--help"]).collect();
        let help = stdout(&tool(&words));
        let examples: Vec<&str> = help.lines().skip_while(|line| *line != "Examples:").skip(1).map(str::trim).collect();
        assert!(!examples.is_empty(), "{command}: {help}");
        for example in examples {
            assert!(page.contains(&format!("\n# {example}\n")), "{command}: {example}");
        }
        assert!(page.contains(&format!("\n.Ic {command}\n")), "{command}");
    }
}

#[test]
fn help_fits_into_80_columns() {
    for command in commands().iter().map(String::as_str).chain([""]) {
        let words: Vec<&str> = command.split_whitespace().chain(["--help"]).collect();
        let help = stdout(&tool(&words));
        let too_long = help.lines().find(|line| line.chars().count() > 80);
        assert_eq!(too_long, None, "{command}");
    }
}

#[test]
fn no_page_has_a_mistake_that_mandoc_knows() {
    for page in PAGES {
        let said = Command::new("mandoc").args(["-T", "lint", "-W", "warning"]).arg(checkout().join(page)).output();
        let said = said.expect("mandoc runs");
        assert!(said.status.success() && said.stdout.is_empty(), "{}", stdout(&said));
    }
}

#[test]
fn the_page_of_the_settings_has_every_key_with_what_stands_in_config_toml() {
    let page = plain(&read("packaging/man/twofactor.toml.5"));
    let keys = read("tests/tests/config.rs");
    let keys: Vec<(String, String)> = keys
        .lines()
        .skip_while(|line| !line.starts_with("const KEYS"))
        .skip(1)
        .map_while(|line| line.trim().strip_prefix("(\""))
        .filter_map(|line| line.split_once("\", \""))
        .map(|(table, rest)| (table.to_owned(), rest.split('"').next().unwrap().to_owned()))
        .collect();
    assert!(keys.len() > 80, "{keys:?}");
    let settings = read("packaging/config.toml");
    for (table, key) in keys {
        let (heading, stands) = match table.as_str() {
            "" => ("Above the first table".to_owned(), section(&settings, None)),
            _ => (format!("[{table}]"), section(&settings, Some(&format!("#[{table}]")))),
        };
        let value = stands.lines().find_map(|line| line.strip_prefix(&format!("#{key} = ")));
        let value = value.unwrap_or_else(|| panic!("config.toml has no [{table}] {key}"));
        // A remark stands behind some, and a text goes on for lines.
        let value = value.split("  #").next().unwrap().trim_end().replace("\"\"\"", "...");
        let described = page.split(&format!("\n.Ss {heading}\n")).nth(1).and_then(|rest| rest.split("\n.Ss ").next());
        let described = described.unwrap_or_else(|| panic!("the page has no {heading}"));
        assert!(described.contains(&format!("\n.It Cm {key} No = {value}\n")), "{heading} {key} = {value}");
    }
    for (name, sentence) in settings.lines().filter_map(|line| line.strip_prefix("#   ")?.split_once(" = ")) {
        let described = page.rsplit(&format!("\n.It Cm {name}\n")).next().and_then(|rest| rest.split("\n.").next());
        assert_eq!(described.map(|lines| lines.replace('\n', " ")).as_deref(), Some(sentence), "{name}");
    }
}

#[test]
fn the_page_of_the_module_has_every_argument_outcome_and_code() {
    let page = plain(&read("packaging/man/pam_twofactor.8"));
    let arguments = read("src/module/src/arguments.rs");
    let mut found = BTreeSet::new();
    for line in arguments.lines().filter(|line| line.contains(" => ")) {
        for before in ["word == \"", "Some((\""] {
            found.extend(line.split_once(before).and_then(|(_, rest)| rest.split('"').next()));
        }
    }
    assert!(found.contains("config") && found.contains("forward_pass") && found.len() >= 6, "{found:?}");
    for argument in found {
        assert!(page.contains(&format!("\n.It Cm {argument}")), "{argument}");
    }
    let outcomes = read("src/core/src/login/outcome.rs");
    let outcomes = outcomes.split("`outcome=`").nth(1).and_then(|rest| rest.split("`reason=`").next()).unwrap();
    let names: Vec<&str> = outcomes.split('"').skip(1).step_by(2).collect();
    assert_eq!(names.len(), 5, "{names:?}");
    for name in names.into_iter().chain(["misconfigured"]) {
        assert!(page.contains(&format!("\n.It Cm {name} : Dv PAM_")), "{name}");
    }
    for file in ["outcome", "entry", "host"] {
        for code in read(&format!("src/module/src/{file}.rs")).split("PamResultCode::").skip(1) {
            let code: String = code.chars().take_while(|c| c.is_ascii_uppercase() || *c == '_').collect();
            assert!(page.contains(&format!("Dv {code}")), "{file}: {code}");
        }
    }
}

/// Parsed to the end and then answered with the help, so that an option that there is not is found.
#[test]
fn no_guide_names_a_command_that_there_is_not() {
    let mut files = vec!["README.md".to_owned(), "packaging/config.toml".to_owned()];
    for entry in fs::read_dir(checkout().join("docs")).unwrap() {
        files.push(format!("docs/{}", entry.unwrap().file_name().to_str().unwrap()));
    }
    let mut commands = 0;
    for file in files {
        for command in named(&read(&file)) {
            // Not for people, and with another way to end its options.
            if command.contains("at-login") {
                continue;
            }
            let words = words(&command);
            let words: Vec<&str> = words.iter().map(String::as_str).chain(["--help"]).collect();
            let said = tool(&words);
            assert!(said.status.success(), "{file}: twofactor {command}: {}", String::from_utf8_lossy(&said.stderr));
            commands += 1;
        }
    }
    assert!(commands > 80, "{commands}");
    for wrong in ["report --sinse 7d", "frobnicate", "setup alice --method topt", "unlock alice bob"] {
        let words: Vec<&str> = wrong.split(' ').chain(["--help"]).collect();
        assert!(!tool(&words).status.success(), "{wrong}");
    }
}

#[test]
fn man_finds_the_pages_and_shells_complete_where_they_are_installed() {
    let sandbox = Sandbox::installed();
    for (page, words) in [
        ("1 twofactor", "rotate"),
        ("5 twofactor.toml", "resend_after"),
        ("8 pam_twofactor", "forward_pass"),
        ("8 twofactor-deliver", "deliver_user"),
    ] {
        let shown = sandbox.bash(&format!("MANWIDTH=80 man -P cat {page}")).succeeded().stdout;
        assert!(shown.contains(words) && shown.lines().all(|line| line.chars().count() <= 80), "{page}: {shown}");
    }
    let bash = ". /usr/share/bash-completion/completions/twofactor
        COMP_WORDS=(twofactor unl) COMP_CWORD=1; _twofactor twofactor unl twofactor; echo ${COMPREPLY[*]}
        COMP_WORDS=(twofactor setup --method e) COMP_CWORD=3; _twofactor twofactor e --method; echo ${COMPREPLY[*]}";
    assert_eq!(sandbox.bash(bash).succeeded().stdout, "unlock\nemail\n");
    let fish = "HOME=/tmp fish -c 'complete -C \"twofactor unl\"; complete -C \"twofactor setup --method e\"'";
    let said = sandbox.bash(fish).succeeded().stdout;
    let completed: Vec<&str> = said.lines().filter_map(|line| line.split('\t').next()).collect();
    assert_eq!(completed, ["unlock", "email"]);
    let mut zsh = sandbox.terminal("env", ["TERM=dumb", "PS1=ready> ", "zsh", "-f", "-i"]);
    zsh.expect("ready> ", SOON);
    zsh.send_line("fpath=(/usr/share/zsh/vendor-completions $fpath); autoload -U compinit; compinit -u -D");
    zsh.expect("ready> ", SOON);
    zsh.send(b"twofactor unl\t");
    zsh.expect("unlock", SOON);
}

/// As [`support::Sandbox`] has it, but without one: nothing that is asked here needs root or a file.
fn tool(words: &[&str]) -> Output {
    Command::new(release().join("twofactor")).args(words).output().expect("the tool is built")
}

/// Every command that can be called, in words.
fn commands() -> Vec<String> {
    let of = |words: &[&str]| {
        let help = stdout(&tool(&[words, &["--help"]].concat()));
        let listed = help.lines().skip_while(|line| *line != "Commands:").skip(1).take_while(|line| !line.is_empty());
        let names = listed.filter(|line| line.starts_with("  ") && !line.starts_with("   "));
        names.filter_map(|line| line.split_whitespace().next().map(str::to_owned)).collect::<Vec<String>>()
    };
    let mut all = Vec::new();
    for command in of(&[]) {
        let below = of(&[&command]);
        match below.as_slice() {
            [] => all.push(command),
            below => all.extend(below.iter().map(|word| format!("{command} {word}"))),
        }
    }
    assert!(all.len() > 15, "{all:?}");
    all
}

/// What stands behind `twofactor ` in code: indented, fenced or between backquotes.
fn named(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut fenced = false;
    let joined = text.replace("\n                         [", " [");
    for line in joined.lines() {
        fenced ^= line.trim_start().starts_with("```");
        if fenced || line.starts_with("    ") {
            for piece in line.split("  ").flat_map(|piece| piece.split(" | ")).flat_map(|piece| piece.split(" && ")) {
                let piece = piece.trim().trim_start_matches("sudo ");
                found.extend(piece.strip_prefix("twofactor ").map(str::to_owned));
            }
        }
    }
    // Within a paragraph a command may be broken at the end of a line.
    let flowing = text.replace("\n# ", " ").replace('\n', " ");
    for piece in flowing.split('`') {
        found.extend(piece.strip_prefix("sudo ").unwrap_or(piece).strip_prefix("twofactor ").map(str::to_owned));
    }
    found
}

/// As a shell would take them apart; what may be left out is there, and of a choice the first.
fn words(command: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut quote = None;
    for character in command.chars() {
        match (character, quote) {
            ('\'' | '"', None) => quote = Some(character),
            (_, Some(open)) if open == character => quote = None,
            (' ', None) => words.push(String::new()),
            ('[' | ']', None) => {}
            _ => words.last_mut().unwrap().push(character),
        }
    }
    let first = |word: String| word.split('|').next().unwrap().to_owned();
    words.into_iter().map(first).filter(|word| !word.is_empty()).collect()
}

/// The lines of a table of config.toml, or those above the first.
fn section(settings: &str, table: Option<&str>) -> String {
    let is_heading = |line: &&str| line.starts_with("#[");
    let Some(table) = table else {
        return settings.lines().take_while(|line| !is_heading(line)).map(|line| format!("{line}\n")).collect();
    };
    let mut within = false;
    let mut found = String::new();
    for line in settings.lines() {
        within = if is_heading(&line) { line == table } else { within };
        if within {
            found.extend([line, "\n"]);
        }
    }
    found
}

/// A page without what roff needs.
fn plain(page: &str) -> String {
    page.replace("\\&", "").replace("\\-", "-").replace("\\(dq", "\"").replace("\\(aq", "'").replace("\\e", "\\")
}

fn read(path: &str) -> String {
    fs::read_to_string(checkout().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn stdout(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

const PAGES: [&str; 4] = [
    "packaging/man/twofactor.1",
    "packaging/man/pam_twofactor.8",
    "packaging/man/twofactor-deliver.8",
    "packaging/man/twofactor.toml.5",
];
const SOON: Duration = Duration::from_secs(20);
