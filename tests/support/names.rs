//! Names in a sandbox: what /etc/hosts has, and a name server that never answers.

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
        Playing::start(self, &Part::Names)
    }
}
