//! The browser app, out of the binary: compressed beforehand, with the right types, cached as long as it may be.
//!
//! Files whose names carry their hash are kept for ever; all others are asked for again each time, at the cost of
//! a 304. A path that no file has and that looks like a page is the app's own business: it gets the app.

use std::sync::LazyLock;

use app::types::problem::{Problem, ProblemKind};
use axum::Router;
use axum::extract::Request;
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse as _, Response};
use http::{HeaderValue, Method, StatusCode, Uri, header};
use memory_serve::{Asset, CacheControl, MemoryServe};
use tower::ServiceExt as _;

use crate::rest::problem::{ApiProblem, no_such_method};

const FOR_EVER: HeaderValue = HeaderValue::from_static("public, max-age=31536000, immutable");

/// What the build script found.
static ASSETS: &[Asset] = include!(concat!(env!("OUT_DIR"), "/assets.rs"));

/// Made once: it unpacks what is packed, packs it anew for clients without brotli, and keeps both for good.
static APP: LazyLock<Router> = LazyLock::new(|| serve(ASSETS));

/// Serves the app's files, and the app for every page it may have.
pub(crate) fn router() -> Router {
    APP.clone()
}

fn serve(assets: &'static [Asset]) -> Router {
    let files: Router = MemoryServe::new(assets)
        .enable_brotli(true)
        .enable_gzip(true)
        .html_cache_control(CacheControl::NoCache)
        .cache_control(CacheControl::NoCache)
        .into_router();
    files
        .clone()
        .fallback(move |request| page(files.clone(), request))
        .method_not_allowed_fallback(no_such_method)
        .layer(from_fn(keep_hashed))
}

/// The app for its own pages; for everything else, that there is no such file.
async fn page(files: Router, request: Request) -> Response {
    let path = request.uri().path();
    let is_file = path.rsplit('/').next().is_some_and(|name| name.contains('.'));
    let is_reading = matches!(*request.method(), Method::GET | Method::HEAD);
    if is_file || !is_reading {
        let nothing = Problem::new(ProblemKind::NotFound, "There is no such file.");
        return ApiProblem(nothing).into_response();
    }
    let (mut parts, body) = request.into_parts();
    parts.uri = Uri::from_static("/");
    match files.oneshot(Request::from_parts(parts, body)).await {
        Ok(response) => response,
        Err(never) => match never {},
    }
}

async fn keep_hashed(request: Request, next: Next) -> Response {
    let hashed = is_hashed(request.uri().path());
    let mut response = next.run(request).await;
    if hashed && matches!(response.status(), StatusCode::OK | StatusCode::NOT_MODIFIED) {
        response.headers_mut().insert(header::CACHE_CONTROL, FOR_EVER);
    }
    response
}

/// Whether the file's name carries the hash of its content, as the bundler writes it: `app-0123456789abcdef.js`,
/// `app-0123456789abcdef_bg.wasm`.
fn is_hashed(path: &str) -> bool {
    const DIGITS: usize = 16;
    let name = path.rsplit('/').next().unwrap_or_default();
    name.split('-').skip(1).any(|part| {
        let digits = part.bytes().take_while(u8::is_ascii_hexdigit).count();
        digits == DIGITS && matches!(part.as_bytes().get(DIGITS), Some(b'.' | b'_'))
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use axum::body::{Body, to_bytes};
    use http::HeaderMap;

    use super::*;

    const SCRIPT: &str = "/frontend-0123456789abcdef.js";
    const MODULE: &str = "/frontend-0123456789abcdef_bg.wasm";

    const fn asset(route: &'static str, content_type: &'static str, bytes: &'static [u8]) -> Asset {
        Asset {
            route,
            path: "",
            etag: "e7a6",
            content_type,
            bytes: Some(bytes),
            is_compressed: false,
            should_compress: true,
        }
    }

    static SOME: &[Asset] = &[
        asset("/index.html", "text/html", b"<!doctype html>"),
        asset("/boot.js", "text/javascript", b"boot(); boot(); boot(); boot();"),
        asset(SCRIPT, "text/javascript", b"app(); app(); app(); app();"),
        asset(MODULE, "application/wasm", b"\0asm\0asm\0asm\0asm\0asm"),
    ];

    async fn ask(method: &str, path: &str, header: (&str, &str)) -> (StatusCode, HeaderMap, Vec<u8>) {
        let request = Request::builder().method(method).uri(path).header(header.0, header.1);
        let response = serve(SOME).oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
        let (parts, body) = response.into_parts();
        let body = to_bytes(body, 1 << 20).await.unwrap();
        (parts.status, parts.headers, body.to_vec())
    }

    async fn check(path: &str, status: u16, content_type: &str, caching: &str) {
        let (found, headers, _) = ask("GET", path, ("accept-encoding", "br")).await;
        assert_eq!(found, status, "{path}");
        assert_eq!(headers["content-type"], content_type, "{path}");
        let found = headers.get("cache-control").map(|value| value.to_str().unwrap());
        assert_eq!(found.unwrap_or_default(), caching, "{path}");
        if status == 200 {
            assert_eq!(headers["content-encoding"], "br", "{path}");
            assert_eq!(headers["etag"], "\"e7a6\"", "{path}");
        }
    }

    #[tokio::test]
    async fn files_have_their_types_and_are_kept_as_long_as_they_may_be() {
        let for_ever = FOR_EVER;
        let for_ever = for_ever.to_str().unwrap();
        check("/", 200, "text/html", "no-cache").await;
        check("/index.html", 200, "text/html", "no-cache").await;
        check("/boot.js", 200, "text/javascript", "no-cache").await;
        check(SCRIPT, 200, "text/javascript", for_ever).await;
        check(MODULE, 200, "application/wasm", for_ever).await;
    }

    #[tokio::test]
    async fn pages_get_the_app_and_lost_files_a_404() {
        check("/settings", 200, "text/html", "no-cache").await;
        check("/settings/targets", 200, "text/html", "no-cache").await;
        check("/lost.js", 404, "application/problem+json", "").await;
        check("/frontend-fedcba9876543210.js", 404, "application/problem+json", "").await;
        check("/../Cargo.toml", 404, "application/problem+json", "").await;
        let (status, ..) = ask("POST", "/settings", ("accept", "*/*")).await;
        assert_eq!(status, 404);
        let (status, ..) = ask("POST", "/boot.js", ("accept", "*/*")).await;
        assert_eq!(status, 405);
    }

    #[tokio::test]
    async fn every_client_gets_the_same_file() {
        let (_, headers, body) = ask("GET", SCRIPT, ("accept-encoding", "identity")).await;
        assert!(headers.get("content-encoding").is_none());
        assert_eq!(body, b"app(); app(); app(); app();");
        let (_, headers, _) = ask("GET", SCRIPT, ("accept-encoding", "gzip")).await;
        assert_eq!(headers["content-encoding"], "gzip");
        let (status, headers, body) = ask("GET", SCRIPT, ("if-none-match", "\"e7a6\"")).await;
        assert_eq!((status, body.len()), (StatusCode::NOT_MODIFIED, 0));
        assert_eq!(headers["cache-control"], FOR_EVER);
    }

    #[test]
    fn only_names_with_a_hash_are_kept_for_ever() {
        assert!(is_hashed("/frontend-0123456789abcdef.js"));
        assert!(is_hashed("/frontend-0123456789abcdef_bg.wasm"));
        assert!(is_hashed("/css/suntank-fedcba9876543210.css"));
        assert!(!is_hashed("/index.html"));
        assert!(!is_hashed("/boot.js"));
        assert!(!is_hashed("/service-worker.js"));
        assert!(!is_hashed("/0123456789abcdef.js"));
        assert!(!is_hashed("/frontend-0123456789abcde.js"));
        assert!(!is_hashed("/frontend-0123456789abcdef"));
    }
}
