//! The numbered keys that seal secrets at rest, and the sealing itself.
//!
//! A sealed secret is bound to the user, the uid, what it is for and the key's number: copied to another place it
//! opens for nobody. Sealing is XChaCha20-Poly1305 under a key derived (HKDF-SHA256) from the numbered one.

use std::path::Path;

use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use hkdf::Hkdf;
use sha2::Sha256;
use zeroize::Zeroizing;

use crate::account::Account;
use crate::clock::UnixTime;
use crate::document::{self, Table, Value, Writer, Written, Wrong, checked, text};
use crate::secret::Secret;
use crate::sys::{Directory, Entropy, EntropyError, FileError, split};

/// The number of a key, from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct KeyNumber(u32);

impl TryFrom<u32> for KeyNumber {
    type Error = &'static str;

    fn try_from(number: u32) -> Result<Self, &'static str> {
        if number > 0 { Ok(Self(number)) } else { Err("key numbers begin at 1") }
    }
}

impl From<KeyNumber> for u32 {
    fn from(number: KeyNumber) -> Self {
        number.0
    }
}

impl std::fmt::Display for KeyNumber {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

/// All keys of this host. The last one seals; every one opens.
pub struct Keyring {
    /// In ascending order of their numbers, never empty.
    keys: Vec<Key>,
}

struct Key {
    number: KeyNumber,
    created: UnixTime,
    secret: Secret,
}

/// What digests the codes that are sent or issued to one user, and nobody else's.
pub struct DigestKey {
    /// The key that it is derived from.
    pub number: KeyNumber,
    /// The key.
    pub secret: Secret,
}

/// What a sealed secret belongs to.
pub struct Binding<'a> {
    /// Whose it is.
    pub account: &'a Account,
    /// What it is for, such as `totp/1`.
    pub purpose: &'a str,
}

/// A secret at rest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sealed {
    /// Under which key.
    pub key: KeyNumber,
    /// 24 bytes of nonce, the ciphertext, 16 bytes of tag.
    pub content: Vec<u8>,
}

impl Keyring {
    /// A keyring with one new key.
    ///
    /// # Errors
    /// There are no random bytes.
    pub fn create(entropy: &dyn Entropy, now: UnixTime) -> Result<Self, EntropyError> {
        let mut keyring = Self { keys: Vec::new() };
        keyring.add(entropy, now)?;
        Ok(keyring)
    }

    /// Adds a key, which seals from now on.
    ///
    /// # Errors
    /// There are no random bytes.
    pub fn add(&mut self, entropy: &dyn Entropy, now: UnixTime) -> Result<KeyNumber, EntropyError> {
        let number = KeyNumber(self.keys.last().map_or(0, |key| key.number.0).saturating_add(1));
        let mut bytes = Zeroizing::new(vec![0; KEY_BYTES]);
        entropy.fill(&mut bytes)?;
        self.keys.push(Key { number, created: now, secret: Secret::new(std::mem::take(&mut bytes)) });
        Ok(number)
    }

    /// Drops a key that nothing is sealed under any more; the sealing key stays.
    pub fn retire(&mut self, number: KeyNumber) {
        let sealing = self.sealing_number();
        self.keys.retain(|key| key.number != number || Some(key.number) == sealing);
    }

    /// The numbers of all keys with the times of their making, the sealing one last.
    pub fn numbers(&self) -> impl Iterator<Item = (KeyNumber, UnixTime)> {
        self.keys.iter().map(|key| (key.number, key.created))
    }

    /// The key that seals.
    #[must_use]
    pub fn sealing_number(&self) -> Option<KeyNumber> {
        self.keys.last().map(|key| key.number)
    }

    /// Seals a secret under the newest key.
    ///
    /// # Errors
    /// There are no random bytes for the nonce.
    pub fn seal(&self, secret: &Secret, binding: &Binding<'_>, entropy: &dyn Entropy) -> Result<Sealed, SealError> {
        let key = self.keys.last().ok_or(SealError::Cipher)?;
        let mut nonce = [0; NONCE_BYTES];
        entropy.fill(&mut nonce)?;
        let additional = binding.bytes(key.number);
        let payload = Payload { msg: secret.expose(), aad: &additional };
        let sealed = key.cipher()?.encrypt(&XNonce::from(nonce), payload).map_err(|_| SealError::Cipher)?;
        let mut content = nonce.to_vec();
        content.extend(sealed);
        Ok(Sealed { key: key.number, content })
    }

    /// Opens a sealed secret.
    ///
    /// # Errors
    /// Its key is gone, or it was not sealed for this user and purpose, or it was changed.
    pub fn open(&self, sealed: &Sealed, binding: &Binding<'_>) -> Result<Secret, OpenError> {
        let key = self.keys.iter().find(|key| key.number == sealed.key);
        let key = key.ok_or(OpenError::KeyGone { number: sealed.key })?;
        let refused = OpenError::Refused { number: sealed.key };
        let Some((nonce, ciphertext)) = sealed.content.split_first_chunk::<NONCE_BYTES>() else { return Err(refused) };
        let additional = binding.bytes(key.number);
        let payload = Payload { msg: ciphertext, aad: &additional };
        let Ok(cipher) = key.cipher() else { return Err(refused) };
        cipher.decrypt(&XNonce::from(*nonce), payload).map(Secret::new).map_err(|_| refused)
    }

    /// The keys that digest what is issued to this user, one for each of ours, the newest last.
    #[must_use]
    pub fn digest_keys(&self, account: &Account) -> Vec<DigestKey> {
        let digest_key = |key: &Key| {
            let mut derived = Zeroizing::new(vec![0; KEY_BYTES]);
            let info = Binding { account, purpose: "digest" }.bytes(key.number);
            Hkdf::<Sha256>::new(None, key.secret.expose()).expand(&info, &mut derived).ok()?;
            Some(DigestKey { number: key.number, secret: Secret::new(std::mem::take(&mut derived)) })
        };
        self.keys.iter().filter_map(digest_key).collect()
    }

    /// Reads the keyring file.
    ///
    /// # Errors
    /// It is missing, not to be trusted, or malformed.
    pub fn load(path: &Path) -> Result<Self, KeyringError> {
        let (parent, name) = split(path)?;
        let file = Directory::open(parent)?.file(name)?;
        let Some(file) = file else { return Err(KeyringError::Missing { path: path.to_owned() }) };
        let bytes = Zeroizing::new(file.read(KEYRING_MAX_BYTES)?);
        // The message of a mistake could quote a key, so only its place is kept.
        let malformed = |line| KeyringError::Malformed { path: path.to_owned(), line };
        let read = document::read(&bytes, |table| {
            let version = table.required("version")?;
            if version == VERSION {
                return table.tables("key", Key::read).map(Ok);
            }
            // A newer release may have other words: its version says more than the first of them.
            table.ignore_the_rest();
            Ok(Err(KeyringError::Version { path: path.to_owned(), version }))
        });
        let keys: Vec<Key> = read.map_err(|mistake| malformed(mistake.line()))??;
        let ascending = keys.windows(2).all(|pair| matches!(pair, [a, b] if a.number < b.number));
        if keys.is_empty() || !ascending {
            return Err(malformed(1));
        }
        Ok(Self { keys })
    }

    /// The file's content, to be written by [`Directory::replace`].
    #[must_use]
    pub fn render(&self) -> Zeroizing<String> {
        let mut writer = Writer::with_capacity(64 + 128 * self.keys.len());
        writer.number("version", VERSION.into());
        for key in &self.keys {
            writer.element("key").number("number", key.number.0.into()).number("created", key.created.0);
            writer.string("secret", &Zeroizing::new(base16ct::lower::encode_string(key.secret.expose())));
        }
        writer.finish()
    }
}

impl Key {
    fn read(table: &Table<'_>) -> Result<Self, document::Mistake> {
        let HexSecret(secret) = table.required("secret")?;
        Ok(Self { number: table.required("number")?, created: UnixTime(table.required("created")?), secret })
    }

    fn cipher(&self) -> Result<XChaCha20Poly1305, SealError> {
        let mut derived = Zeroizing::new([0; KEY_BYTES]);
        Hkdf::<Sha256>::new(None, self.secret.expose())
            .expand(b"pam_twofactor/v1 seal", derived.as_mut_slice())
            .map_err(|_| SealError::Cipher)?;
        XChaCha20Poly1305::new_from_slice(derived.as_slice()).map_err(|_| SealError::Cipher)
    }
}

impl Binding<'_> {
    /// The additional data: every part with its length in front, so that no two bindings read the same.
    fn bytes(&self, number: KeyNumber) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(128);
        let uid = self.account.uid.to_string();
        let number = number.to_string();
        for part in ["pam_twofactor/v1", &uid, self.account.name.as_str(), self.purpose, &number] {
            bytes.extend((part.len() as u64).to_le_bytes());
            bytes.extend(part.as_bytes());
        }
        bytes
    }
}

/// Nothing was sealed.
#[derive(Debug, thiserror::Error)]
#[allow(missing_docs, reason = "each message says it")]
pub enum SealError {
    #[error(transparent)]
    Entropy(#[from] EntropyError),
    #[error("seal a secret: the cipher refused")]
    Cipher,
}

/// A sealed secret stays closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[allow(missing_docs, reason = "each message says it")]
pub enum OpenError {
    #[error("is sealed under key {number}, which is not in the keyring")]
    KeyGone { number: KeyNumber },
    #[error("does not open under key {number}: it was changed, or sealed for somebody else")]
    Refused { number: KeyNumber },
}

/// The keyring cannot be used.
#[derive(Debug, thiserror::Error)]
#[allow(missing_docs, reason = "each message says it")]
pub enum KeyringError {
    #[error(transparent)]
    File(#[from] FileError),
    #[error("{}: is missing", path.display())]
    Missing { path: std::path::PathBuf },
    #[error("{}: line {line}: is not a keyring", path.display())]
    Malformed { path: std::path::PathBuf, line: usize },
    #[error("{}: has version {version}, which this release does not know", path.display())]
    Version { path: std::path::PathBuf, version: u32 },
}

/// 32 secret bytes, hexadecimal in the file and nowhere else.
struct HexSecret(Secret);

impl Value for HexSecret {
    fn read(value: &Written<'_>) -> Result<Self, Wrong> {
        let decoded = text(value).map(|text| base16ct::lower::decode_vec(text.as_bytes()));
        match decoded {
            Ok(Ok(bytes)) if bytes.len() == KEY_BYTES => Ok(Self(Secret::new(bytes))),
            _ => Err(Wrong::new(value, "not 64 hexadecimal digits")),
        }
    }
}

checked! {
    KeyNumber, u32;
}

const VERSION: u32 = 1;
const KEY_BYTES: usize = 32;
const NONCE_BYTES: usize = 24;
const KEYRING_MAX_BYTES: u64 = 64 * 1024;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::account::UserName;
    use crate::sys::Kernel;

    fn account(name: &str, uid: u32) -> Account {
        Account { name: UserName::new(name).unwrap(), uid }
    }

    fn keyring() -> Keyring {
        Keyring::create(&Kernel, UnixTime(1)).unwrap()
    }

    #[test]
    fn a_sealed_secret_opens_only_where_it_belongs() {
        let (keyring, alice) = (keyring(), account("alice", 1000));
        let binding = Binding { account: &alice, purpose: "totp/1" };
        let sealed = keyring.seal(&Secret::new(b"secret".to_vec()), &binding, &Kernel).unwrap();
        assert_eq!(keyring.open(&sealed, &binding).ok().unwrap().expose(), b"secret");

        let refused = Some(OpenError::Refused { number: KeyNumber(1) });
        for (name, uid, purpose) in [("bob", 1000, "totp/1"), ("alice", 1001, "totp/1"), ("alice", 1000, "totp/2")] {
            let elsewhere = Binding { account: &account(name, uid), purpose };
            assert_eq!(keyring.open(&sealed, &elsewhere).err(), refused, "{name} {uid} {purpose}");
        }
        for at in 0..sealed.content.len() {
            let mut changed = sealed.clone();
            changed.content[at] ^= 1;
            assert_eq!(keyring.open(&changed, &binding).err(), refused, "byte {at}");
        }
        let cut = Sealed { content: sealed.content[..23].to_vec(), ..sealed };
        assert_eq!(keyring.open(&cut, &binding).err(), refused);
    }

    #[test]
    fn an_old_key_opens_until_it_is_retired() {
        let (mut keyring, alice) = (keyring(), account("alice", 1000));
        let binding = Binding { account: &alice, purpose: "totp/1" };
        let sealed = keyring.seal(&Secret::new(b"secret".to_vec()), &binding, &Kernel).unwrap();
        let newer = keyring.add(&Kernel, UnixTime(2)).unwrap();
        assert_eq!(keyring.sealing_number(), Some(newer));
        assert!(keyring.open(&sealed, &binding).is_ok());
        keyring.retire(sealed.key);
        assert_eq!(keyring.open(&sealed, &binding).err(), Some(OpenError::KeyGone { number: sealed.key }));
        keyring.retire(newer);
        assert_eq!(keyring.sealing_number(), Some(newer), "the sealing key stays");
    }

    #[test]
    fn digest_keys_differ_by_user_uid_and_key() {
        let mut keyring = keyring();
        keyring.add(&Kernel, UnixTime(2)).unwrap();
        let keys = |name, uid| keyring.digest_keys(&account(name, uid));
        let own = keys("alice", 1000);
        assert_eq!(own.iter().map(|key| key.number.0).collect::<Vec<_>>(), [1, 2]);
        assert_ne!(own[0].secret.expose(), own[1].secret.expose());
        for other in [keys("bob", 1000), keys("alice", 1001)] {
            assert_ne!(own[1].secret.expose(), other[1].secret.expose());
        }
        assert_eq!(own[1].secret.expose(), keys("alice", 1000)[1].secret.expose());
    }

    #[test]
    fn a_keyring_survives_its_file() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("keyring.toml");
        let (written, alice) = (keyring(), account("alice", 1000));
        std::fs::write(&path, written.render().as_bytes()).unwrap();
        let read = Keyring::load(&path).ok().unwrap();
        let binding = Binding { account: &alice, purpose: "p" };
        let sealed = written.seal(&Secret::new(vec![1]), &binding, &Kernel).unwrap();
        assert!(read.open(&sealed, &binding).is_ok());
    }

    #[test]
    fn a_broken_keyring_is_named_by_its_line_and_never_quoted() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("keyring.toml");
        let hex = "ab".repeat(32);
        for text in [
            format!("version = 1\n[[key]]\nnumber = \"{hex}\"\ncreated = 1\nsecret = \"{hex}\"\n"),
            format!("version = 1\n[[key]]\nnumber = 1\ncreated = 1\nsecret = \"{hex}ab\"\n"),
            format!("version = 1\n{hex} = 1\n"),
            "version = 1\nkey = []\n".to_owned(),
        ] {
            std::fs::write(&path, &text).unwrap();
            let error = Keyring::load(&path).err().unwrap().to_string();
            assert!(error.contains("keyring.toml: line") && !error.contains("abab"), "{error}");
        }
        std::fs::write(&path, "version = 9\nbrand_new = true\n").unwrap();
        assert!(matches!(Keyring::load(&path).err(), Some(KeyringError::Version { version: 9, .. })));
    }
}
