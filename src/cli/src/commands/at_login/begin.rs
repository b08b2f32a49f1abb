//! `twofactor at-login begin`: a secret for an app, in letters and as a QR code. Nothing is kept of it here.

use std::path::Path;

use super::{frame, office};
use crate::failure::Failure;
use crate::qr::Ground;
use crate::{otpauth, qr};

/// Runs the command.
pub(super) fn run(user: &str, config: Option<&Path>) -> Result<(), Failure> {
    let office = office(config)?;
    let parameters = office.config.totp;
    let secret = office.registrar().draw_secret(parameters)?;
    let base32 = otpauth::base32(&secret);
    let uri = otpauth::uri(&office.config.issuer, user, &base32, parameters);
    // Names so long that no terminal has the room: the letters are enough.
    let [dark, light] = [Ground::Dark, Ground::Light].map(|ground| qr::plain(&uri, ground).unwrap_or_default());
    frame::write(&[&otpauth::grouped(&base32), &dark, &light])
}
