//! Whoever keeps the clock, by the words of the distribution.

use crate::machine::Machine;

const WRONG: &str = "nothing keeps the clock: when it is off by more than a minute, no code of an app is taken";

#[test]
fn a_clock_that_nothing_keeps_is_named_and_kept_by_whoever_is_there() {
    let machine = Machine::sound();
    machine.0.bash(PROGRAMS).succeeded();
    assert_eq!(machine.finding("clock").message, "the clock is kept by NTP");
    for (there, hint) in [
        (
            "/lib/systemd/system/systemd-timesyncd.service /usr/bin/apt-get",
            "keep it: timedatectl set-ntp true; see how far it is: timedatectl timesync-status",
        ),
        (
            "/lib/systemd/system/chrony.service /usr/bin/apt-get",
            "keep it: systemctl enable --now chrony; see how far it is: chronyc -n sources",
        ),
        (
            "/usr/lib/systemd/system/chronyd.service /usr/bin/dnf",
            "keep it: systemctl enable --now chronyd; see how far it is: chronyc -n sources",
        ),
        (
            "/lib/systemd/system/ntpsec.service /usr/bin/apt-get",
            "keep it: systemctl enable --now ntpsec; see how far it is: ntpq -pn",
        ),
        ("/usr/bin/apt-get", "keep it: apt-get install systemd-timesyncd; timedatectl set-ntp true"),
        ("/usr/bin/dnf", "keep it: dnf install chrony; systemctl enable --now chronyd"),
    ] {
        machine.0.bash(&format!("/root/anew; for file in {there}; do cp /root/program $file; done")).succeeded();
        let finding = machine.finding("clock");
        assert_eq!((finding.level.as_str(), finding.message.as_str(), finding.hint.as_str()), ("warn", WRONG, hint));
        let commands = hint.trim_start_matches("keep it: ").replace("; see how far it is: ", "; ");
        machine.0.bash(&commands).succeeded();
        assert_eq!(machine.wrong(), [""; 0], "{hint}");
    }
    for (there, hint) in [
        ("/usr/bin/zypper", "keep it: zypper install chrony; systemctl enable --now chronyd"),
        ("/usr/bin/pacman", "keep it: pacman -S chrony; systemctl enable --now chronyd"),
        ("/lib/systemd/system/ntp.service", "keep it: systemctl enable --now ntp; see how far it is: ntpq -pn"),
        (
            "/lib/systemd/system/openntpd.service",
            "keep it: systemctl enable --now openntpd; see how far it is: ntpctl -s all",
        ),
        ("/tmp/nothing", "keep it: install chrony and start it"),
    ] {
        machine.0.bash(&format!("/root/anew; >{there}")).succeeded();
        assert_eq!(machine.finding("clock").hint, hint);
        machine.0.bash(&format!("rm {there}")).succeeded();
    }
}

/// Stand-ins that keep the clock once one of them is told to, each only if its service is there.
const PROGRAMS: &str = r#"
cat >/root/program <<'END'
#!/bin/bash
units() { ls /lib/systemd/system/{systemd-timesyncd,chrony,chronyd,ntpsec}.service 2>/dev/null; }
case ${0##*/}:$* in
    timedatectl:show*) echo NTPSynchronized=$(cat /run/kept) ;;
    'timedatectl:set-ntp true') [ "$(units)" ] && echo yes >/run/kept ;;
    systemctl:enable*) [ -e /lib/systemd/system/$3.service ] && echo yes >/run/kept ;;
    apt-get:install*) touch /lib/systemd/system/$2.service ;;
    dnf:install*) touch /lib/systemd/system/${2}d.service ;;
    timedatectl:timesync-status | chronyc:* | ntpq:*) grep -q yes /run/kept ;;
    *) exit 1 ;;
esac
END
cat >/root/anew <<'END'
#!/bin/sh
rm -f /lib/systemd/system/systemd-timesyncd.service /lib/systemd/system/chrony*.service
rm -f /lib/systemd/system/ntpsec.service /usr/bin/apt-get /usr/bin/dnf
echo no >/run/kept
END
chmod 0755 /root/program /root/anew
for name in timedatectl systemctl chronyc ntpq; do rm -f /usr/bin/$name; cp /root/program /usr/bin/$name; done
echo yes >/run/kept"#;
