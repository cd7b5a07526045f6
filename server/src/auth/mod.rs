//! Who is asking: passwords, sessions, the tokens that prove them, and the brake on guessing.
//!
//! Promises: a wrong name and a wrong password can't be told apart by answer or by time; a token is good only
//! while its session's row in storage is live, its user enabled and unchanged since login; at most
//! [`password::AT_ONCE`] hashes run at a time; nobody is locked out for good.
//!
//! While storage is away, whoever it vouched for since the start stays who they are: all-off must work then too.
//!
//! Sessions, tokens and the brake live on the host's clock, whatever pace a demo has.

mod caller;
mod password;
mod throttle;
mod token;

use std::collections::HashMap;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use app::backend::{Caller, NewSession};
use app::types::problem::{FieldError, Problem, ProblemKind};
use app::types::session::{Login, Role, Session};
use chrono::{DateTime, Utc};
use storage::{NewUser, Storage, StorageError, User};

use self::throttle::Throttle;
use self::token::{Claims, Key};
use crate::clock::host_utc;
use crate::services::storage_problem;

pub use caller::{SESSION_COOKIE, ended_cookie, session_cookie};
pub use password::{AT_ONCE, LENGTH, check_new as check_new_password};
pub use token::AUDIENCE;

/// A session ends by itself after 30 days: long enough for the tablet in the kitchen, short enough for a lost phone.
/// Logging out, a new password or a disabled user ends it at once.
pub const SESSION_S: i64 = 30 * 24 * 3600;

/// So many sessions are remembered for when storage is away.
const REMEMBERED: usize = 256;

/// The signing key's file in the state folder.
const KEY_FILE: &str = "session.key";

/// Logins and sessions.
pub struct Auth {
    storage: Arc<dyn Storage>,
    key: Key,
    passwords: password::Hasher,
    throttle: Throttle,
    /// Who storage vouched for, by session.
    vouched: Mutex<HashMap<String, Caller>>,
}

/// Why authentication can't start, or a user can't be made.
#[derive(Debug, thiserror::Error)]
pub enum AuthError {
    /// The signing key's file.
    #[error("the signing key {path}: {reason}")]
    Key {
        /// Which file.
        path: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The operating system gives no random bytes, or too little memory for a hash.
    #[error("a password can't be hashed: {0}")]
    Hash(String),
    /// Not a password to be set.
    #[error("the password {0}")]
    Password(String),
    /// Storage says no.
    #[error(transparent)]
    Storage(#[from] StorageError),
}

/// Creates an enabled user; `now_ms` is UTC, milliseconds since 1970.
///
/// # Errors
/// A password out of length or too common, a name that is taken or can't be one, or storage that fails.
pub async fn create_user(
    storage: &dyn Storage,
    name: &str,
    password: &str,
    role: storage::Role,
    now_ms: i64,
) -> Result<i64, AuthError> {
    password::check_new(name, password).map_err(AuthError::Password)?;
    let password_hash = password::hash(password)?;
    let user = NewUser { name: name.to_owned(), password_hash, role };
    Ok(storage.create_user(&user, now_ms).await?)
}

impl Auth {
    /// Reads the signing key from the state folder, or makes it at the first start.
    ///
    /// # Errors
    /// When the key can't be read, written, or is not one.
    pub fn open(storage: Arc<dyn Storage>, state: &Path) -> Result<Self, AuthError> {
        Ok(Self {
            storage,
            key: Key::read_or_make(&state.join(KEY_FILE))?,
            passwords: password::Hasher::new()?,
            throttle: Throttle::default(),
            vouched: Mutex::default(),
        })
    }

    /// Begins a session.
    pub(crate) async fn log_in(&self, address: &str, login: Login) -> Result<NewSession, Problem> {
        check_lengths(&login)?;
        let attempt = self
            .throttle
            .attempt(Instant::now(), &login.name, address)
            .map_err(|wait| Problem::too_many(u32::try_from(wait.as_secs() + 1).unwrap_or(u32::MAX)))?;
        let user = self.storage.user_by_name(&login.name).await;
        let user = user.map_err(storage_problem)?;
        let known_hash = user.as_ref().map(|user| user.password_hash.clone());
        let right = self.passwords.verify(login.password, known_hash).await?;
        let Some(user) = user.filter(|user| right && user.enabled) else {
            return Err(Problem::new(
                ProblemKind::WrongCredentials,
                "There is no user with this name and this password.",
            ));
        };
        self.throttle.succeeded(Instant::now(), attempt);
        self.begin_session(&user).await
    }

    async fn begin_session(&self, user: &User) -> Result<NewSession, Problem> {
        let now_ms = host_utc().0;
        let expires_s = now_ms / 1000 + SESSION_S;
        let session = storage::Session {
            id: token::new_session_id()?,
            user_id: user.id,
            generation: user.generation,
            created_ms: now_ms,
            expires_ms: expires_s * 1000,
            revoked: false,
        };
        let created = self.storage.create_session(&session).await;
        created.map_err(storage_problem)?;
        self.storage.prune_sessions(now_ms).await.map_err(storage_problem)?;
        let token = self.key.sign(&Claims {
            aud: AUDIENCE.into(),
            sub: user.id.to_string(),
            sid: session.id,
            r#gen: user.generation,
            iat: now_ms / 1000,
            exp: expires_s,
        })?;
        Ok(NewSession {
            session: Session {
                name: user.name.clone(),
                role: wire_role(user.role),
                expires_at: utc(session.expires_ms),
            },
            token,
        })
    }

    /// Who this token is; `None` for a token that proves nothing (any more).
    pub(crate) async fn person(&self, token: &str) -> Result<Option<Caller>, Problem> {
        let Some(claims) = self.key.verify(token) else {
            return Ok(None);
        };
        match self.look_up(&claims).await {
            Ok(found) => {
                self.remember(&claims.sid, found.as_ref());
                Ok(found)
            }
            // Nothing was revoked meanwhile: that takes storage too. The token itself has not run out.
            Err(StorageError::Unavailable(reason)) => match self.vouched().get(&claims.sid) {
                Some(person) => Ok(Some(person.clone())),
                None => Err(storage_problem(StorageError::Unavailable(reason))),
            },
            Err(error) => Err(storage_problem(error)),
        }
    }

    async fn look_up(&self, claims: &Claims) -> Result<Option<Caller>, StorageError> {
        let Some(session) = self.storage.session(&claims.sid).await? else {
            return Ok(None);
        };
        let Some(user) = self.storage.user_by_id(session.user_id).await? else {
            return Ok(None);
        };
        let same_user = claims.sub == user.id.to_string() && claims.r#gen == user.generation;
        if !same_user || !session.is_valid(&user, host_utc().0) {
            return Ok(None);
        }
        Ok(Some(Caller::Person {
            user_id: user.id,
            name: user.name,
            role: wire_role(user.role),
            session_id: session.id,
            expires_at: utc(session.expires_ms),
        }))
    }

    fn remember(&self, session_id: &str, found: Option<&Caller>) {
        let mut vouched = self.vouched();
        match found {
            None => _ = vouched.remove(session_id),
            Some(person) => {
                if vouched.len() >= REMEMBERED {
                    vouched.clear();
                }
                vouched.insert(session_id.to_owned(), person.clone());
            }
        }
    }

    /// Ends a session, wherever its token is.
    pub(crate) async fn end_session(&self, id: &str) -> Result<(), Problem> {
        let revoked = self.storage.revoke_session(id).await;
        revoked.map_err(storage_problem)?;
        self.remember(id, None);
        Ok(())
    }

    fn vouched(&self) -> MutexGuard<'_, HashMap<String, Caller>> {
        self.vouched.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What can be no name or no password is refused before anything is looked up or hashed.
fn check_lengths(login: &Login) -> Result<(), Problem> {
    let mut errors = Vec::new();
    if !(1..=NewUser::MAX_NAME).contains(&login.name.chars().count()) {
        errors.push(FieldError {
            field: "name".into(),
            message: format!("must have 1 to {} characters", NewUser::MAX_NAME),
        });
    }
    if !LENGTH.contains(&login.password.chars().count()) {
        errors.push(FieldError { field: "password".into(), message: password::length_message() });
    }
    if errors.is_empty() { Ok(()) } else { Err(Problem::invalid(errors)) }
}

fn utc(ms: i64) -> DateTime<Utc> {
    DateTime::from_timestamp_millis(ms).unwrap_or(DateTime::<Utc>::MAX_UTC)
}

const fn wire_role(role: storage::Role) -> Role {
    match role {
        storage::Role::Operator => Role::Operator,
        storage::Role::Administrator => Role::Administrator,
    }
}
