//! Signed tokens: what a cookie or a bearer header carries.
//!
//! One algorithm (HS256), one audience, a key that never leaves the state folder. A token alone proves nothing:
//! [`Auth`](super::Auth) holds it against the session's row each time.

use std::fs::{self, OpenOptions};
use std::io::{ErrorKind, Write as _};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::Path;

use app::types::problem::{Problem, ProblemKind};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation, decode, encode};
use rand::TryRngCore as _;
use rand::rngs::OsRng;
use serde::{Deserialize, Serialize};

use super::AuthError;

/// The `aud` of every token.
pub const AUDIENCE: &str = "suntank";

/// HS256 wants at least as many bytes as its hash has (RFC 7518, 3.2).
const KEY_BYTES: usize = 32;

/// What a token says.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Claims {
    /// Whom it is for.
    pub(super) aud: String,
    /// The user's id.
    pub(super) sub: String,
    /// The session's id.
    pub(super) sid: String,
    /// The user's generation at login.
    pub(super) r#gen: i64,
    /// Issued at, seconds since 1970.
    pub(super) iat: i64,
    /// Ends at, seconds since 1970.
    pub(super) exp: i64,
}

/// Signs and verifies.
pub(super) struct Key {
    signing: EncodingKey,
    verifying: DecodingKey,
    validation: Validation,
}

impl Key {
    /// The key in this file, which is made with mode 0600 when absent.
    pub(super) fn read_or_make(path: &Path) -> Result<Self, AuthError> {
        let fault = |reason: String| AuthError::Key { path: path.display().to_string(), reason };
        let secret = match fs::read(path) {
            Ok(secret) => {
                let mode = fs::metadata(path).map_err(|e| fault(e.to_string()))?;
                if mode.permissions().mode() & 0o077 != 0 {
                    return Err(fault("is readable by others; set its mode to 0600".into()));
                }
                secret
            }
            Err(error) if error.kind() == ErrorKind::NotFound => make_secret(path).map_err(|e| fault(e.to_string()))?,
            Err(error) => return Err(fault(error.to_string())),
        };
        if secret.len() != KEY_BYTES {
            return Err(fault(format!("does not have {KEY_BYTES} bytes")));
        }
        Ok(Self::from_secret(&secret))
    }

    fn from_secret(secret: &[u8]) -> Self {
        let mut validation = Validation::new(Algorithm::HS256);
        validation.set_audience(&[AUDIENCE]);
        validation.set_required_spec_claims(&["exp", "aud", "sub"]);
        // The same clock signs and verifies.
        validation.leeway = 0;
        Self { signing: EncodingKey::from_secret(secret), verifying: DecodingKey::from_secret(secret), validation }
    }

    /// The token that says so.
    pub(super) fn sign(&self, claims: &Claims) -> Result<String, Problem> {
        encode(&Header::new(Algorithm::HS256), claims, &self.signing)
            .map_err(|e| Problem::new(ProblemKind::Internal, format!("A token can't be made: {e}.")))
    }

    /// What a token says, if this key signed it and it has not run out.
    pub(super) fn verify(&self, token: &str) -> Option<Claims> {
        decode(token, &self.verifying, &self.validation).ok().map(|data| data.claims)
    }
}

/// 128 random bits in hex.
pub(super) fn new_session_id() -> Result<String, Problem> {
    let mut bytes = [0; 16];
    OsRng
        .try_fill_bytes(&mut bytes)
        .map_err(|e| Problem::new(ProblemKind::Internal, format!("The system gives no random bytes: {e}.")))?;
    Ok(format!("{:032x}", u128::from_be_bytes(bytes)))
}

/// Written whole under another name first, so that a power cut leaves no half key.
fn make_secret(path: &Path) -> std::io::Result<Vec<u8>> {
    let mut secret = vec![0; KEY_BYTES];
    OsRng.try_fill_bytes(&mut secret).map_err(std::io::Error::other)?;
    let new = path.with_extension("new");
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&new)?;
    file.write_all(&secret)?;
    file.sync_all()?;
    fs::rename(&new, path)?;
    Ok(secret)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn the_key_is_made_once_and_is_nobody_elses_to_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("session.key");
        assert!(Key::read_or_make(&path).is_ok());
        let secret = fs::read(&path).unwrap();
        assert_eq!(secret.len(), KEY_BYTES);
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert!(Key::read_or_make(&path).is_ok());
        assert_eq!(fs::read(&path).unwrap(), secret);
    }

    #[test]
    fn a_short_or_open_key_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("session.key");
        fs::write(&path, [7; 32]).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        assert!(Key::read_or_make(&path).is_err());
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        assert!(Key::read_or_make(&path).is_ok());
        fs::write(&path, [7; 16]).unwrap();
        assert!(Key::read_or_make(&path).is_err());
    }

    #[test]
    fn session_ids_differ() {
        let (one, other) = (new_session_id().unwrap(), new_session_id().unwrap());
        assert_eq!(one.len(), 32);
        assert_ne!(one, other);
    }
}
