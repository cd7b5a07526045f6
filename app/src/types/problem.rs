//! The one error of the whole product: RFC 9457 problem details, on REST and server functions alike.

use serde::{Deserialize, Serialize};

/// What went wrong, as the wire says it (`application/problem+json`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
#[error("{title}: {detail}")]
pub struct Problem {
    /// A stable word for programs: `urn:suntank:problem:<kind>`.
    #[serde(rename = "type")]
    pub kind: String,
    /// A short sentence for the kind.
    pub title: String,
    /// The HTTP status.
    pub status: u16,
    /// What happened this time, and what to do.
    pub detail: String,
    /// The fields that are wrong, if fields are.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<FieldError>,
    /// Seconds to wait before another try (with status 429).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_after_s: Option<u32>,
}

/// One field that could not be taken.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
pub struct FieldError {
    /// The field's path in the request, e.g. `circuits[0].target_f`.
    pub field: String,
    /// What is wrong with it, with the allowed range.
    pub message: String,
}

/// The kinds of problem there are, each with its HTTP status.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProblemKind {
    /// 400: the request can't be read at all.
    Malformed,
    /// 401: nobody is logged in, or the session has ended.
    NotLoggedIn,
    /// 401: the name or the password is wrong.
    WrongCredentials,
    /// 403: the role may not do this.
    Forbidden,
    /// 404: there is no such thing.
    NotFound,
    /// 409: the present state forbids it.
    Conflict,
    /// 412: someone changed it since it was read.
    RevisionMismatch,
    /// 413: the body is too large.
    TooLarge,
    /// 415: the body is not JSON.
    NotJson,
    /// 422: fields are unknown, missing or out of range.
    Invalid,
    /// 429: too many tries.
    TooMany,
    /// 500: a fault of ours.
    Internal,
    /// 503: storage or the loop does not answer now.
    Unavailable,
}

impl ProblemKind {
    /// HTTP status, stable word and title.
    const fn facts(self) -> (u16, &'static str, &'static str) {
        match self {
            Self::Malformed => (400, "malformed", "The request can't be read"),
            Self::NotLoggedIn => (401, "not-logged-in", "Please log in"),
            Self::WrongCredentials => (401, "wrong-credentials", "Name or password is wrong"),
            Self::Forbidden => (403, "forbidden", "Your role may not do this"),
            Self::NotFound => (404, "not-found", "There is no such thing"),
            Self::Conflict => (409, "conflict", "Not possible in the present state"),
            Self::RevisionMismatch => (412, "revision-mismatch", "Someone changed it meanwhile"),
            Self::TooLarge => (413, "too-large", "The request is too large"),
            Self::NotJson => (415, "not-json", "Send JSON"),
            Self::Invalid => (422, "invalid", "Some fields can't be taken"),
            Self::TooMany => (429, "too-many", "Too many tries"),
            Self::Internal => (500, "internal", "A fault in Suntank"),
            Self::Unavailable => (503, "unavailable", "Not available at the moment"),
        }
    }
}

impl Problem {
    /// A problem of this kind with this detail.
    pub fn new(kind: ProblemKind, detail: impl Into<String>) -> Self {
        let (status, word, title) = kind.facts();
        Self {
            kind: format!("urn:suntank:problem:{word}"),
            title: title.into(),
            status,
            detail: detail.into(),
            errors: Vec::new(),
            retry_after_s: None,
        }
    }

    /// 422 for these fields.
    pub fn invalid(errors: Vec<FieldError>) -> Self {
        let detail = errors.iter().map(|e| format!("{}: {}", e.field, e.message)).collect::<Vec<_>>().join("; ");
        Self { errors, ..Self::new(ProblemKind::Invalid, detail) }
    }

    /// 422 for one field.
    pub fn field(field: impl Into<String>, message: impl Into<String>) -> Self {
        Self::invalid(vec![FieldError { field: field.into(), message: message.into() }])
    }

    /// 429 with the time to wait.
    pub fn too_many(retry_after_s: u32) -> Self {
        Self {
            retry_after_s: Some(retry_after_s),
            ..Self::new(ProblemKind::TooMany, format!("Wait {retry_after_s} s and try again."))
        }
    }
}

impl leptos::server_fn::error::FromServerFnError for Problem {
    type Encoder = leptos::server_fn::codec::JsonEncoding;

    /// What the transport has to say becomes a problem like any other.
    fn from_server_fn_error(error: leptos::server_fn::error::ServerFnErrorErr) -> Self {
        use leptos::server_fn::error::ServerFnErrorErr as E;
        let kind = match &error {
            E::Args(_) | E::MissingArg(_) => ProblemKind::Invalid,
            E::Deserialization(_) => ProblemKind::Malformed,
            E::Request(_) => ProblemKind::Unavailable,
            _ => ProblemKind::Internal,
        };
        Self::new(kind, error.to_string())
    }
}
