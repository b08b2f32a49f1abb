//! Whether SELinux, where it is enforcing, knows our files for what they are: without our policy it keeps hosts from the
//! records, so that who needs a code is refused. It only looks: at files of the kernel and of the policy, and at labels.

use std::fs;
use std::path::Path;

use super::finding::Finding;
use super::program::ask;

pub(super) fn look() -> Vec<Finding> {
    if fs::read_to_string(ENFORCING).is_ok_and(|said| said.trim() == "1") { labels() } else { Vec::new() }
}

fn labels() -> Vec<Finding> {
    let there: Vec<_> = LABELS.into_iter().filter(|(path, _)| Path::new(path).exists()).collect();
    if !is_loaded() {
        let message = "SELinux is enforcing and our policy is not loaded: services may not write the records, and who needs \
                       a code is refused";
        let paths: Vec<_> = there.iter().map(|(path, _)| *path).collect();
        let hint = format!(
            "in our source, with {DEVEL}: {BUILDING}; semodule -i packaging/selinux/twofactor.pp; restorecon -R {}",
            paths.join(" ")
        );
        return vec![Finding::fail("selinux-policy", message, hint)];
    }
    let mut findings = Vec::new();
    for (path, wanted) in there {
        // A file without a label has a question mark.
        let label = ask(STAT, &["-L", "-c", "%C", path]).unwrap_or_default();
        let has = label.trim().split(':').nth(2).unwrap_or("nothing that it knows");
        if has != wanted {
            let message =
                format!("SELinux is enforcing and takes {path} for {has}, not {wanted}: services are kept from it");
            findings.push(Finding::fail("selinux-label", message, format!("restorecon -R {path}")));
        }
    }
    if findings.is_empty() {
        findings.push(Finding::ok("selinux", "SELinux is enforcing and knows our files"));
    }
    findings
}

/// Whether our policy is among the modules that are loaded at every start, semodule(8): of whatever kind, at whatever
/// priority.
fn is_loaded() -> bool {
    let below =
        |path: &Path| fs::read_dir(path).into_iter().flatten().flatten().take(ENTRIES_MAX).map(|entry| entry.path());
    let mut kinds = below(Path::new(MODULES));
    kinds.any(|kind| below(&kind.join("active/modules")).any(|priority| priority.join("twofactor").is_dir()))
}

const ENFORCING: &str = "/sys/fs/selinux/enforce";
const MODULES: &str = "/var/lib/selinux";
const STAT: &str = "/usr/bin/stat";
const DEVEL: &str = "selinux-policy-devel (on Debian selinux-policy-dev)";
const BUILDING: &str = "make -C packaging/selinux -f /usr/share/selinux/devel/Makefile twofactor.pp";
/// As packaging/selinux/twofactor.fc has them.
const LABELS: [(&str, &str); 4] = [
    ("/etc/twofactor", "twofactor_conf_t"),
    ("/usr/libexec/twofactor/twofactor-deliver", "twofactor_deliver_exec_t"),
    ("/var/lib/twofactor", "twofactor_var_lib_t"),
    ("/var/spool/twofactor", "twofactor_spool_t"),
];
const ENTRIES_MAX: usize = 1000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_path_has_the_type_that_our_policy_gives_it() {
        let policy = include_str!("../../../../../packaging/selinux/twofactor.fc");
        for (path, label) in LABELS {
            let given = |line: &str| line.starts_with(path) && line.contains(&format!(":{label},"));
            assert!(policy.lines().any(given), "{path}");
        }
    }
}
