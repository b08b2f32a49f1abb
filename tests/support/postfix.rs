//! Debian's Postfix, set up from nothing in a sandbox.

use crate::{Certificate, Mailbox, Sandbox};

/// The mail server of `example.test`, on ports 25 (no TLS, no password, this host only), 465 (TLS) and 587 (STARTTLS and
/// a password, or nothing is taken), and behind /usr/sbin/sendmail. It takes mail for every user of the sandbox.
pub struct Postfix<'s> {
    sandbox: &'s Sandbox,
}

impl Postfix<'_> {
    /// Starts it.
    pub fn start<'s>(sandbox: &'s Sandbox, certificate: &Certificate) -> Postfix<'s> {
        sandbox
            .bash("rm -rf /etc/postfix/main.cf /etc/postfix/master.cf /var/lib/postfix/*; rm -f /etc/sasldb2")
            .succeeded();
        sandbox.write("/etc/postfix/server.pem", format!("{}{}", certificate.key, certificate.chain), 0o600);
        sandbox.write("/etc/postfix/main.cf", MAIN, 0o644);
        sandbox.write("/etc/postfix/master.cf", MASTER, 0o644);
        sandbox.write("/etc/postfix/sasl/smtpd.conf", SASL, 0o644);
        sandbox.run("postfix", ["start"]).succeeded();
        Postfix { sandbox }
    }

    /// Gives somebody a password to send mail with.
    pub fn password(&self, name: &str, password: &str) {
        self.sandbox.run_with_input("saslpasswd2", ["-p", "-c", "-u", DOMAIN, name], password).succeeded();
        self.sandbox.bash("chgrp postfix /etc/sasldb2 && chmod 640 /etc/sasldb2").succeeded();
    }

    /// What comes for a user.
    pub fn mailbox(&self, user: &str) -> Mailbox {
        Mailbox::of(self.sandbox, user)
    }
}

const DOMAIN: &str = "example.test";

const MAIN: &str = "\
compatibility_level = 3.6
myhostname = mail.example.test
mydomain = example.test
mydestination = example.test, mail.example.test, localhost
mynetworks = 127.0.0.0/8
inet_protocols = ipv4
home_mailbox = Maildir/
alias_maps =
alias_database =
biff = no
smtpd_tls_chain_files = /etc/postfix/server.pem
smtpd_sasl_type = cyrus
smtpd_sasl_path = smtpd
cyrus_sasl_config_path = /etc/postfix/sasl
smtpd_sasl_local_domain = example.test
smtpd_tls_auth_only = yes
smtpd_relay_restrictions = permit_mynetworks, reject_unauth_destination
";

const MASTER: &str = "\
25        inet  n - n - - smtpd
465       inet  n - n - - smtpd -o smtpd_tls_wrappermode=yes -o smtpd_sasl_auth_enable=yes
587       inet  n - n - - smtpd -o smtpd_tls_security_level=encrypt -o smtpd_sasl_auth_enable=yes
  -o smtpd_client_restrictions=permit_sasl_authenticated,reject
pickup    unix  n - n 60 1 pickup
cleanup   unix  n - n - 0 cleanup
qmgr      unix  n - n 300 1 qmgr
tlsmgr    unix  - - n 1000? 1 tlsmgr
rewrite   unix  - - n - - trivial-rewrite
bounce    unix  - - n - 0 bounce
defer     unix  - - n - 0 bounce
trace     unix  - - n - 0 bounce
verify    unix  - - n - 1 verify
flush     unix  n - n 1000? 0 flush
proxymap  unix  - - n - - proxymap
smtp      unix  - - n - - smtp
error     unix  - - n - - error
retry     unix  - - n - - error
discard   unix  - - n - - discard
local     unix  - n n - - local
anvil     unix  - - n - 1 anvil
scache    unix  - - n - 1 scache
postlog   unix-dgram n - n - 1 postlogd
";

const SASL: &str = "\
pwcheck_method: auxprop
auxprop_plugin: sasldb
mech_list: PLAIN LOGIN
";
