//! Logging in and who one is.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

/// A login.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
pub struct Login {
    /// The user's name; upper and lower case are the same.
    pub name: String,
    /// The password, 8 to 128 characters.
    pub password: String,
}

impl std::fmt::Debug for Login {
    /// Never shows the password.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Login").field("name", &self.name).finish_non_exhaustive()
    }
}

/// What a person may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
pub enum Role {
    /// Targets, overrides, all-off.
    Operator,
    /// Everything.
    Administrator,
}

/// Who is logged in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
pub struct Session {
    /// The user's name.
    pub name: String,
    /// The user's role.
    pub role: Role,
    /// When the session ends by itself.
    pub expires_at: DateTime<Utc>,
}
