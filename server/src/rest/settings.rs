//! `/api/v1/settings/…`: sections, read and replaced whole, guarded by their revision.

use app::backend::{Backend as _, Caller};
use app::types::problem::{Problem, ProblemKind};
use app::types::settings::{RegulationSettings, Revised, SiteSettings};
use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, HeaderValue, header};
use serde::Serialize;

use super::body::JsonBody;
use super::problem::{ApiProblem, BodyProblems, ChangeProblems, LoginProblems, RevisionProblems, RoleProblems};
use crate::web::AppState;

/// Settings of regulation
///
/// For operators. The ETag is the revision to send back with a change.
#[utoipa::path(
    get,
    path = "/settings/regulation",
    tag = "settings",
    security(("cookie" = []), ("bearer" = [])),
    responses(
        (status = 200, description = "The section", body = RegulationSettings, headers(("ETag" = String, description = "Its revision"))),
        LoginProblems,
        RoleProblems,
    )
)]
pub(super) async fn get_regulation(State(state): State<AppState>, caller: Caller) -> Result<Response, ApiProblem> {
    Ok(tagged(state.services.regulation(&caller).await?))
}

/// Replace the settings of regulation
///
/// Whole, at once, and only if nobody changed them since. For operators.
#[utoipa::path(
    put,
    path = "/settings/regulation",
    tag = "settings",
    security(("cookie" = []), ("bearer" = [])),
    params(("If-Match" = String, Header, description = "The ETag of the section as it was read")),
    request_body = RegulationSettings,
    responses(
        (status = 200, description = "The section as it is now", body = RegulationSettings, headers(("ETag" = String, description = "Its revision"))),
        LoginProblems,
        RoleProblems,
        ChangeProblems,
        BodyProblems,
        RevisionProblems,
    )
)]
pub(super) async fn put_regulation(
    State(state): State<AppState>,
    caller: Caller,
    headers: HeaderMap,
    JsonBody(value): JsonBody<RegulationSettings>,
) -> Result<Response, ApiProblem> {
    let change = revised(&headers, value)?;
    Ok(tagged(state.services.set_regulation(&caller, change).await?))
}

/// Settings of the site
///
/// For administrators. The ETag is the revision to send back with a change.
#[utoipa::path(
    get,
    path = "/settings/site",
    tag = "settings",
    security(("cookie" = []), ("bearer" = [])),
    responses(
        (status = 200, description = "The section", body = SiteSettings, headers(("ETag" = String, description = "Its revision"))),
        LoginProblems,
        RoleProblems,
    )
)]
pub(super) async fn get_site(State(state): State<AppState>, caller: Caller) -> Result<Response, ApiProblem> {
    Ok(tagged(state.services.site(&caller).await?))
}

/// Replace the settings of the site
///
/// Whole, at once, and only if nobody changed them since. For administrators.
#[utoipa::path(
    put,
    path = "/settings/site",
    tag = "settings",
    security(("cookie" = []), ("bearer" = [])),
    params(("If-Match" = String, Header, description = "The ETag of the section as it was read")),
    request_body = SiteSettings,
    responses(
        (status = 200, description = "The section as it is now", body = SiteSettings, headers(("ETag" = String, description = "Its revision"))),
        LoginProblems,
        RoleProblems,
        ChangeProblems,
        BodyProblems,
        RevisionProblems,
    )
)]
pub(super) async fn put_site(
    State(state): State<AppState>,
    caller: Caller,
    headers: HeaderMap,
    JsonBody(value): JsonBody<SiteSettings>,
) -> Result<Response, ApiProblem> {
    let change = revised(&headers, value)?;
    Ok(tagged(state.services.set_site(&caller, change).await?))
}

/// The section, with its revision as a strong ETag.
fn tagged<T: Serialize>(section: Revised<T>) -> Response {
    let mut response = Json(section.value).into_response();
    let etag = HeaderValue::try_from(format!("\"{}\"", section.revision));
    if let Ok(etag) = etag {
        response.headers_mut().insert(header::ETAG, etag);
    }
    response
}

/// The change, if the client says which revision it has seen.
fn revised<T>(headers: &HeaderMap, value: T) -> Result<Revised<T>, Problem> {
    let seen = headers.get(header::IF_MATCH).and_then(|v| v.to_str().ok());
    let revision = seen.and_then(|etag| etag.strip_prefix('"')?.strip_suffix('"')?.parse().ok()).ok_or_else(|| {
        Problem::new(ProblemKind::RevisionMismatch, "Read the section first and send its ETag in If-Match.")
    })?;
    Ok(Revised { revision, value })
}
