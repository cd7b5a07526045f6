//! What a change must prove before it is looked at: that it comes from our own pages or from no page at all,
//! and that it is JSON. On REST and server functions alike.

use app::types::problem::{Problem, ProblemKind};
use axum::extract::Request;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::uri::Authority;
use http::{HeaderMap, Method, Uri, header};

use super::body::{not_json, says_json};
use super::problem::ApiProblem;

/// Lets reading through, and changes only from our own pages or from programs.
///
/// A change that has begun is finished even if its sender goes away: half a change would be worse.
pub(crate) async fn guard_changes(request: Request, next: Next) -> Response {
    if matches!(*request.method(), Method::GET | Method::HEAD | Method::OPTIONS) {
        return next.run(request).await;
    }
    if let Err(problem) = check(request.uri(), request.headers()) {
        return ApiProblem(problem).into_response();
    }
    match tokio::spawn(next.run(request)).await {
        Ok(response) => response,
        Err(_) => ApiProblem(Problem::new(ProblemKind::Internal, "The change failed.")).into_response(),
    }
}

fn check(uri: &Uri, headers: &HeaderMap) -> Result<(), Problem> {
    if !is_ours(uri, headers) {
        return Err(Problem::new(
            ProblemKind::Forbidden,
            "Changes are taken from Suntank's own pages only. A program sends its token as a bearer, or an Origin \
             that is this server.",
        ));
    }
    if headers.contains_key(header::CONTENT_TYPE) && !says_json(headers) {
        return Err(not_json());
    }
    Ok(())
}

/// Browsers say where a request comes from. What says nothing is no browser: it proves itself by a bearer token,
/// which no page can make a browser send unasked, or has no cookie of ours.
fn is_ours(uri: &Uri, headers: &HeaderMap) -> bool {
    let site = headers.get("sec-fetch-site").map(|value| value.as_bytes());
    let origin = headers.get(header::ORIGIN).map(|value| value.to_str());
    if !matches!(site, None | Some(b"same-origin" | b"none")) {
        return false;
    }
    match origin {
        Some(Ok(origin)) => same_authority(origin, uri, headers),
        Some(Err(_)) => false,
        None => site.is_some() || has_bearer(headers) || !headers.contains_key(header::COOKIE),
    }
}

fn has_bearer(headers: &HeaderMap) -> bool {
    let authorization = headers.get(header::AUTHORIZATION).map(|value| value.as_bytes());
    authorization.is_some_and(|value| value.starts_with(b"Bearer "))
}

/// Whether the origin's host and port are those that the request was sent to. The scheme is left out: a proxy
/// may speak TLS for us.
fn same_authority(origin: &str, uri: &Uri, headers: &HeaderMap) -> bool {
    let Ok(origin) = origin.parse::<Uri>() else {
        return false;
    };
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok());
    let host = host.or_else(|| uri.authority().map(Authority::as_str));
    let Some(ours) = host.and_then(|host| host.parse::<Authority>().ok()) else {
        return false;
    };
    let default_port = match origin.scheme_str() {
        Some("http") => 80,
        Some("https") => 443,
        _ => return false,
    };
    origin.authority().is_some_and(|theirs| {
        theirs.host().eq_ignore_ascii_case(ours.host())
            && theirs.port_u16().unwrap_or(default_port) == ours.port_u16().unwrap_or(default_port)
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use http::{HeaderName, HeaderValue};

    use super::*;

    fn check(given: &[(&'static str, &'static str)], ours: bool) {
        let mut headers = HeaderMap::new();
        headers.insert("host", HeaderValue::from_static("suntank.local:8080"));
        for (name, value) in given {
            headers.insert(HeaderName::from_static(name), HeaderValue::from_static(value));
        }
        assert_eq!(is_ours(&Uri::from_static("/api"), &headers), ours, "{given:?}");
    }

    #[test]
    fn only_our_own_pages_and_programs_may_change_anything() {
        let (cookie, bearer) = (("cookie", "suntank_session=x"), ("authorization", "Bearer x"));
        check(&[], true);
        check(&[bearer], true);
        check(&[cookie], false);
        check(&[cookie, bearer], true);
        check(&[cookie, ("authorization", "Basic x")], false);
        check(&[cookie, ("origin", "http://suntank.local:8080")], true);
        check(&[cookie, ("origin", "http://SUNTANK.local:8080")], true);
        check(&[cookie, ("origin", "https://suntank.local:8080")], true);
        check(&[cookie, ("origin", "http://suntank.local")], false);
        check(&[cookie, ("origin", "http://evil.example:8080")], false);
        check(&[bearer, ("origin", "http://evil.example:8080")], false);
        check(&[cookie, ("origin", "null")], false);
        check(&[cookie, ("origin", "ftp://suntank.local:8080")], false);
        check(&[cookie, ("sec-fetch-site", "same-origin")], true);
        check(&[cookie, ("sec-fetch-site", "none")], true);
        check(&[cookie, ("sec-fetch-site", "same-site")], false);
        check(&[("sec-fetch-site", "cross-site")], false);
        check(&[("sec-fetch-site", "same-origin"), ("origin", "http://evil.example")], false);
    }

    #[test]
    fn a_default_port_need_not_be_said() {
        let mut headers = HeaderMap::new();
        headers.insert("host", HeaderValue::from_static("suntank.local"));
        let same = |origin| same_authority(origin, &Uri::from_static("/"), &headers);
        assert!(same("http://suntank.local:80"));
        assert!(same("https://suntank.local"));
        assert!(!same("http://suntank.local:8080"));
    }
}
