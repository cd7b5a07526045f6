//! From a request to a [`Caller`]: the session cookie or a bearer token, and the address.
//!
//! A token that proves nothing makes nobody: public routes answer as to anyone, the others with 401.

use std::net::SocketAddr;

use app::backend::Caller;
use axum::extract::{ConnectInfo, FromRequestParts};
use axum_extra::TypedHeader;
use axum_extra::extract::CookieJar;
use axum_extra::extract::cookie::{Cookie, SameSite};
use axum_extra::headers::Authorization;
use axum_extra::headers::authorization::Bearer;
use cookie::time::Duration;
use http::request::Parts;

use crate::rest::problem::ApiProblem;
use crate::web::AppState;

/// The cookie that holds a session's token.
pub const SESSION_COOKIE: &str = "suntank_session";

/// The cookie of a new session. Without `Expires` it would end with the browser; it ends with the session.
pub fn session_cookie(token: String) -> Cookie<'static> {
    Cookie::build((SESSION_COOKIE, token))
        .http_only(true)
        .same_site(SameSite::Strict)
        .path("/")
        .max_age(Duration::seconds(super::SESSION_S))
        .build()
}

/// Takes the cookie away.
pub fn ended_cookie() -> Cookie<'static> {
    Cookie::build((SESSION_COOKIE, "")).http_only(true).same_site(SameSite::Strict).path("/").removal().build()
}

impl FromRequestParts<AppState> for Caller {
    type Rejection = ApiProblem;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, ApiProblem> {
        if let Some(token) = token(parts).await
            && let Some(person) = state.services.auth().person(&token).await?
        {
            return Ok(person);
        }
        let address = parts
            .extensions
            .get::<ConnectInfo<SocketAddr>>()
            .map_or_else(String::new, |ConnectInfo(address)| address.ip().to_string());
        Ok(Self::Anonymous { address })
    }
}

/// A bearer token goes before a cookie: whoever sends one means it.
async fn token(parts: &mut Parts) -> Option<String> {
    type BearerHeader = TypedHeader<Authorization<Bearer>>;
    if let Ok(TypedHeader(bearer)) = BearerHeader::from_request_parts(parts, &()).await {
        return Some(bearer.token().to_owned());
    }
    let jar = CookieJar::from_headers(&parts.headers);
    jar.get(SESSION_COOKIE).map(|cookie| cookie.value().to_owned())
}
