//! What keeps services and packages here: the same advice has other words on each distribution.

use std::path::Path;

/// How the settings of sshd come into force.
pub(super) fn reload_sshd() -> String {
    reload_sshd_where(&is_there)
}

fn reload_sshd_where(there: There) -> String {
    // On Debian sshd is another name of it, which is there only while it is enabled.
    match unit(there, &["ssh", "sshd"]) {
        Some(unit) => format!("systemctl reload {unit}"),
        None => "kill -HUP $(cat /run/sshd.pid)".to_owned(),
    }
}

/// The command that keeps the clock, if nothing does, and the one that tells how far it is.
pub(super) fn keep_the_clock() -> String {
    keep_the_clock_where(&is_there)
}

fn keep_the_clock_where(there: There) -> String {
    let told = |keeping: &str, asking: &str| format!("keep it: {keeping}; see how far it is: {asking}");
    for (units, asking) in KEEPERS {
        if let Some(unit) = unit(there, units) {
            return told(&format!("systemctl enable --now {unit}"), asking);
        }
    }
    if unit(there, &["systemd-timesyncd"]).is_some() {
        return told("timedatectl set-ntp true", "timedatectl timesync-status");
    }
    let installing = INSTALLERS.iter().find(|(program, ..)| there(program));
    match installing {
        Some((_, installing, starting)) => format!("keep it: {installing}; {starting}"),
        None => "keep it: install chrony and start it".to_owned(),
    }
}

/// The first of these services that systemd knows.
fn unit<'n>(there: There, names: &[&'n str]) -> Option<&'n str> {
    let is_known = |name: &&&str| UNITS.iter().any(|units| there(&format!("{units}/{name}.service")));
    names.iter().find(is_known).copied()
}

/// Whether a file is on this host.
type There<'t> = &'t dyn Fn(&str) -> bool;

fn is_there(path: &str) -> bool {
    Path::new(path).exists()
}

/// Where systemd has them, systemd.unit(5).
const UNITS: [&str; 4] =
    ["/etc/systemd/system", "/usr/local/lib/systemd/system", "/usr/lib/systemd/system", "/lib/systemd/system"];
/// Who keeps a clock besides systemd, by the names of the service, and what tells how far it is.
const KEEPERS: [(&[&str], &str); 4] = [
    (&["chrony", "chronyd"], "chronyc -n sources"),
    (&["ntpsec"], "ntpq -pn"),
    (&["ntp", "ntpd"], "ntpq -pn"),
    (&["openntpd"], "ntpctl -s all"),
];
/// What installs somebody who keeps the clock, and what starts them.
const INSTALLERS: [(&str, &str, &str); 4] = [
    ("/usr/bin/apt-get", "apt-get install systemd-timesyncd", "timedatectl set-ntp true"),
    ("/usr/bin/dnf", "dnf install chrony", "systemctl enable --now chronyd"),
    ("/usr/bin/zypper", "zypper install chrony", "systemctl enable --now chronyd"),
    ("/usr/bin/pacman", "pacman -S chrony", "systemctl enable --now chronyd"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sshd_is_reloaded_by_the_name_that_it_has() {
        for (files, said) in [
            (&["/lib/systemd/system/ssh.service", "/etc/systemd/system/sshd.service"][..], "systemctl reload ssh"),
            (&["/usr/lib/systemd/system/sshd.service"], "systemctl reload sshd"),
            (&["/etc/init.d/sshd"], "kill -HUP $(cat /run/sshd.pid)"),
        ] {
            assert_eq!(reload_sshd_where(&|file| files.contains(&file)), said);
        }
    }

    #[test]
    fn the_clock_is_kept_by_whoever_is_there_to_keep_it() {
        let apt = "/usr/bin/apt-get";
        for (files, said) in [
            (
                &[apt, "/lib/systemd/system/systemd-timesyncd.service"][..],
                "keep it: timedatectl set-ntp true; see how far it is: timedatectl timesync-status",
            ),
            (
                &[apt, "/lib/systemd/system/chrony.service"],
                "keep it: systemctl enable --now chrony; see how far it is: chronyc -n sources",
            ),
            (
                &["/usr/bin/dnf", "/usr/lib/systemd/system/chronyd.service"],
                "keep it: systemctl enable --now chronyd; see how far it is: chronyc -n sources",
            ),
            (
                &[apt, "/usr/lib/systemd/system/ntpsec.service"],
                "keep it: systemctl enable --now ntpsec; see how far it is: ntpq -pn",
            ),
            (&[apt], "keep it: apt-get install systemd-timesyncd; timedatectl set-ntp true"),
            (&["/usr/bin/dnf"], "keep it: dnf install chrony; systemctl enable --now chronyd"),
            (&[], "keep it: install chrony and start it"),
        ] {
            assert_eq!(keep_the_clock_where(&|file| files.contains(&file)), said);
        }
    }
}
