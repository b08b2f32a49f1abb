//! A certificate authority for one test, and certificates of every kind that a server may show.

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair,
    KeyUsagePurpose, PKCS_ECDSA_P256_SHA256, date_time_ymd,
};
use serde::{Deserialize, Serialize};

use crate::Sandbox;

/// Somebody whose certificates a client may be told to trust.
pub struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
}

impl Authority {
    /// One that nobody has heard of yet.
    pub fn new() -> Authority {
        let mut params = CertificateParams::new([]).expect("no names");
        params.distinguished_name.push(DnType::CommonName, "An authority for one test");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        Authority { issuer: CertifiedIssuer::self_signed(params, key()).expect("a certificate of its own") }
    }

    /// Its certificate in PEM.
    pub fn pem(&self) -> String {
        self.issuer.pem()
    }

    /// Makes a sandbox trust it as it trusts the authorities of the world.
    pub fn install(&self, sandbox: &Sandbox) {
        let mut bundle = sandbox.read_bytes(BUNDLE);
        bundle.extend(self.pem().bytes());
        sandbox.write(BUNDLE, bundle, 0o644);
    }

    /// A good certificate for a name or an address.
    pub fn certificate(&self, name: &str) -> Certificate {
        self.sign(params(name))
    }

    /// One that was good in 2001.
    pub fn expired(&self, name: &str) -> Certificate {
        let mut params = params(name);
        params.not_before = date_time_ymd(2001, 1, 1);
        params.not_after = date_time_ymd(2001, 12, 31);
        self.sign(params)
    }

    /// One that will be good from the year 4000 on.
    pub fn premature(&self, name: &str) -> Certificate {
        let mut params = params(name);
        params.not_before = date_time_ymd(4000, 1, 1);
        self.sign(params)
    }

    fn sign(&self, params: CertificateParams) -> Certificate {
        let key = key();
        let signed = params.signed_by(&key, &self.issuer).expect("a signature");
        Certificate { chain: signed.pem() + &self.pem(), key: key.serialize_pem() }
    }
}

impl Default for Authority {
    fn default() -> Self {
        Authority::new()
    }
}

/// What a server shows, and the key to it; both in PEM.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Certificate {
    pub chain: String,
    pub key: String,
}

impl Certificate {
    /// One that nobody signed but its own key.
    pub fn self_signed(name: &str) -> Certificate {
        let key = key();
        let signed = params(name).self_signed(&key).expect("a signature");
        Certificate { chain: signed.pem(), key: key.serialize_pem() }
    }
}

fn params(name: &str) -> CertificateParams {
    let mut params = CertificateParams::new([name.to_owned()]).expect("a name or an address");
    params.distinguished_name.push(DnType::CommonName, name);
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    params
}

fn key() -> KeyPair {
    KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).expect("a key")
}

const BUNDLE: &str = "/etc/ssl/certs/ca-certificates.crt";
