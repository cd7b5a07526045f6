//! The one error envelope on the wire, and how a route documents which of them it gives.

use std::collections::BTreeMap;

use app::types::problem::{Problem, ProblemKind};
use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};
use utoipa::IntoResponses;
use utoipa::openapi::{Content, RefOr, Response as ResponseDoc, ResponseBuilder, schema::Ref};

/// RFC 9457.
pub(crate) const PROBLEM_JSON: &str = "application/problem+json";

/// A [`Problem`] on its way out.
#[derive(Debug)]
pub struct ApiProblem(pub(crate) Problem);

impl From<Problem> for ApiProblem {
    fn from(problem: Problem) -> Self {
        Self(problem)
    }
}

impl IntoResponse for ApiProblem {
    fn into_response(self) -> Response {
        let Self(problem) = self;
        let status = StatusCode::from_u16(problem.status);
        let status = status.unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = (status, axum::Json(&problem)).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(PROBLEM_JSON));
        if let Some(seconds) = problem.retry_after_s {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}

/// 404 for a path of the API that leads nowhere.
pub(crate) async fn no_such_route() -> ApiProblem {
    Problem::new(ProblemKind::NotFound, "There is nothing at this address.").into()
}

/// 405; the response's `Allow` names what is possible.
pub(crate) async fn no_such_method() -> ApiProblem {
    ApiProblem(Problem {
        kind: "urn:suntank:problem:method-not-allowed".into(),
        title: "Not possible at this address".into(),
        status: 405,
        detail: "This address does not take this method; Allow names those it takes.".into(),
        errors: Vec::new(),
        retry_after_s: None,
    })
}

/// Names the problems that a kind of route gives, for its documentation.
macro_rules! problems {
    ($($(#[$doc:meta])* $name:ident: $($kind:ident)+;)+) => {$(
        $(#[$doc])*
        pub(crate) enum $name {}

        impl IntoResponses for $name {
            fn responses() -> BTreeMap<String, RefOr<ResponseDoc>> {
                document(&[$(ProblemKind::$kind),+])
            }
        }
    )+};
}

problems! {
    /// Nobody is logged in, or storage can't say who.
    LoginProblems: NotLoggedIn Unavailable;
    /// The role is not enough.
    RoleProblems: Forbidden;
    /// What every change may meet on its way in.
    ChangeProblems: Forbidden NotJson;
    /// What every body may meet.
    BodyProblems: Malformed TooLarge NotJson Invalid;
    /// No such circuit or relay.
    TargetProblems: NotFound;
    /// The present state forbids it.
    StateProblems: Conflict;
    /// Someone else was faster, or `If-Match` is missing.
    RevisionProblems: RevisionMismatch;
    /// The query can't be taken.
    QueryProblems: Invalid;
    /// Wrong name or password, or too many of them.
    CredentialProblems: WrongCredentials TooMany;
    /// Storage or the loop does not answer.
    OutageProblems: Unavailable;
}

fn document(kinds: &[ProblemKind]) -> BTreeMap<String, RefOr<ResponseDoc>> {
    let problem = |kind: &ProblemKind| {
        let problem = Problem::new(*kind, "");
        let schema = Content::new(Some(Ref::from_schema_name("Problem")));
        let response = ResponseBuilder::new().description(problem.title).content(PROBLEM_JSON, schema);
        (problem.status.to_string(), RefOr::T(response.build()))
    };
    kinds.iter().map(problem).collect()
}
