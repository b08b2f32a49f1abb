//! What a sandbox finds in its network: names, and servers that never answer.

use crate::{Part, Playing, Sandbox};

impl Sandbox {
    /// Gives an address names.
    pub fn name_host(&self, address: &str, names: &[&str]) {
        let hosts = self.read("/etc/hosts");
        self.write("/etc/hosts", format!("{hosts}{address} {}\n", names.join(" ")), 0o644);
    }

    /// Every other name is asked of a server that hears and never answers, and nobody loses patience before a minute.
    pub fn silent_names(&self) -> Playing {
        self.bash("rm -f /etc/resolv.conf; sed -i 's/^hosts:.*/hosts: files dns/' /etc/nsswitch.conf").succeeded();
        self.write("/etc/resolv.conf", "nameserver 127.0.0.53\noptions timeout:30 attempts:5\n", 0o644);
        Playing::start(self, 53, &Part::Names)
    }

    /// Whoever connects to a port of `::1` gets no answer at all, not even a refusal.
    pub fn deaf_server(&self, port: u16) -> Playing {
        Playing::start(self, port, &Part::Deaf)
    }
}
