//! `/api/v1/session`: logging in and out, and who one is.

use app::backend::{Backend as _, Caller};
use app::types::session::{Login, Session};
use axum::Json;
use axum::extract::State;
use axum_extra::extract::CookieJar;
use http::StatusCode;

use super::body::JsonBody;
use super::problem::{ApiProblem, BodyProblems, ChangeProblems, CredentialProblems, LoginProblems, OutageProblems};
use crate::auth::{ended_cookie, session_cookie};
use crate::web::AppState;

/// Log in
///
/// The session's token comes in the cookie `suntank_session`; it also serves as a bearer token. For anyone, but
/// ever slower for those who guess.
#[utoipa::path(
    post,
    path = "/session",
    tag = "session",
    request_body = Login,
    responses(
        (status = 201, description = "Logged in", body = Session, headers(("Set-Cookie" = String, description = "The session's token"))),
        ChangeProblems,
        BodyProblems,
        CredentialProblems,
        OutageProblems,
    )
)]
pub(super) async fn log_in(
    State(state): State<AppState>,
    jar: CookieJar,
    caller: Caller,
    JsonBody(login): JsonBody<Login>,
) -> Result<(StatusCode, CookieJar, Json<Session>), ApiProblem> {
    let new = state.services.log_in(&caller, login).await?;
    let jar = jar.add(session_cookie(new.token));
    Ok((StatusCode::CREATED, jar, Json(new.session)))
}

/// Who is logged in
#[utoipa::path(
    get,
    path = "/session",
    tag = "session",
    security(("cookie" = []), ("bearer" = [])),
    responses((status = 200, description = "The session", body = Session), LoginProblems)
)]
pub(super) async fn get_session(State(state): State<AppState>, caller: Caller) -> Result<Json<Session>, ApiProblem> {
    Ok(Json(state.services.session(&caller).await?))
}

/// Log out
///
/// Ends the session at once, wherever its token is.
#[utoipa::path(
    delete,
    path = "/session",
    tag = "session",
    security(("cookie" = []), ("bearer" = [])),
    responses((status = 204, description = "Logged out"), LoginProblems, ChangeProblems)
)]
pub(super) async fn log_out(
    State(state): State<AppState>,
    jar: CookieJar,
    caller: Caller,
) -> Result<(StatusCode, CookieJar), ApiProblem> {
    state.services.log_out(&caller).await?;
    Ok((StatusCode::NO_CONTENT, jar.add(ended_cookie())))
}
