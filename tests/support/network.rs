//! What a sandbox finds in its network: names, and servers that never answer.

use crate::{Part, Playing, Sandbox};

impl Sandbox {
    /// Gives an address names.
    pub fn name_host(&self, address: &str, names: &[&str]) {
        let hosts = self.read("/etc/hosts");
        self.write("/etc/hosts", format!("{hosts}{address} {}\n", names.join(" ")), 0o644);
    }

    /// A machine beside this one, with addresses of its own and a cable between: this one is `.1` and `::1` there, the other
    /// `.2` and `::2`. What comes before a command runs it over there.
    pub fn neighbour<'n>(&self, name: &'n str, v4: &str, v6: &str) -> [&'n str; 4] {
        self.bash(&format!(
            "ip netns add {name}; ip link add {name} type veth peer name eth0 netns {name}
            ip addr add {v4}.1/24 dev {name}; ip addr add {v6}::1/64 dev {name} nodad; ip link set {name} up
            ip -n {name} addr add {v4}.2/24 dev eth0; ip -n {name} addr add {v6}::2/64 dev eth0 nodad
            ip -n {name} link set eth0 up; ip -n {name} link set lo up"
        ))
        .succeeded();
        ["ip", "netns", "exec", name]
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
