//! The web, put together: routes, what stands before them, and the headers on every answer.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use app::types::problem::{Problem, ProblemKind};
use axum::Router;
use axum::extract::{DefaultBodyLimit, Request};
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse as _, Response};
use axum::routing::any;
use engine::config::Config;
use http::{HeaderMap, HeaderName, HeaderValue, header};
use tokio::net::TcpListener;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use utoipa_swagger_ui::SwaggerUi;

use crate::auth::{Auth, AuthError};
use crate::live::Live;
use crate::loop_handle::LoopHandle;
use crate::rest::body::BODY_LIMIT;
use crate::rest::guard::guard_changes;
use crate::rest::problem::{ApiProblem, no_such_method, no_such_route};
use crate::services::{Services, Settings, Stores};
use crate::{assets, functions, rest};

/// No answer may take longer to begin.
const ANSWER: Duration = Duration::from_secs(30);
/// What is still under way at shutdown gets this long.
const FAREWELL: Duration = Duration::from_secs(3);

/// Nothing inline, nothing from elsewhere; WebAssembly is compiled, not evaluated.
const CSP: &str = "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; \
    img-src 'self' data:; font-src 'self'; connect-src 'self'; manifest-src 'self'; worker-src 'self'; \
    base-uri 'none'; form-action 'self'; frame-ancestors 'none'";

/// The pages of the documentation set styles from their script.
const DOCS_CSP: &str = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; \
    img-src 'self' data:; font-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'self'; \
    frame-ancestors 'none'";

const HEADERS: [(HeaderName, &str); 6] = [
    (header::CONTENT_SECURITY_POLICY, CSP),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::REFERRER_POLICY, "no-referrer"),
    (HeaderName::from_static("permissions-policy"), "camera=(), microphone=(), geolocation=(), payment=(), usb=()"),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
];

/// What every handler sees. Cheap to clone.
#[derive(Clone)]
pub struct AppState {
    pub(crate) services: Arc<Services>,
    pub(crate) live: Live,
    shutdown: CancellationToken,
}

impl AppState {
    /// Services over a running loop, on the present runtime. `base` is the engine's configuration before any
    /// setting, `settings` those that the loop was started with; `state` is the folder of the signing key.
    ///
    /// # Errors
    /// When the signing key can't be read or made.
    pub fn new(
        control: LoopHandle,
        stores: Stores,
        base: Config,
        settings: Settings,
        demo_speed: Option<u32>,
        state: &Path,
    ) -> Result<Self, AuthError> {
        let auth = Auth::open(Arc::clone(&stores.storage), state)?;
        let services = Services::new(control, stores, auth, base, settings, demo_speed);
        let services = Arc::new(services);
        let shutdown = CancellationToken::new();
        Ok(Self { live: Live::start(Arc::clone(&services), shutdown.clone()), services, shutdown })
    }

    /// Cancel it, and the live feeds end and [`serve`] returns.
    pub fn shutdown(&self) -> CancellationToken {
        self.shutdown.clone()
    }
}

/// Serves until shutdown; then what is under way gets a few seconds.
///
/// # Errors
/// Never, but axum's signature leaves room for it.
pub async fn serve(listener: TcpListener, state: AppState) -> std::io::Result<()> {
    let shutdown = state.shutdown();
    let service = router(state).into_make_service_with_connect_info::<SocketAddr>();
    let serving =
        axum::serve(listener, service).with_graceful_shutdown(shutdown.clone().cancelled_owned()).into_future();
    let too_late = async {
        shutdown.cancelled().await;
        tokio::time::sleep(FAREWELL).await;
    };
    tokio::select! {
        served = serving => served,
        () = too_late => Ok(()),
    }
}

/// Everything that can be asked over HTTP.
pub fn router(state: AppState) -> Router {
    let (api, document) = rest::routes().split_for_parts();
    let docs: Router<AppState> = SwaggerUi::new("/api/docs").url("/api/openapi.json", document).into();
    let nowhere = ["/api", "/api/", "/api/{*path}", "/fn", "/fn/"];
    nowhere
        .into_iter()
        .fold(api, |api, path| api.route(path, any(no_such_route)))
        .merge(docs)
        .merge(functions::routes())
        .method_not_allowed_fallback(no_such_method)
        .layer(from_fn(guard_changes))
        .layer(from_fn(keep_out_of_caches))
        .fallback_service(assets::router())
        .layer(DefaultBodyLimit::max(BODY_LIMIT))
        .layer(from_fn(answer_in_time))
        .layer(from_fn(secure))
        .with_state(state)
}

/// Live values and answers to one person are for no cache. The pages of the documentation may stay.
async fn keep_out_of_caches(request: Request, next: Next) -> Response {
    let is_docs = is_docs(request.uri().path());
    let mut response = next.run(request).await;
    if !is_docs {
        set_default(response.headers_mut(), header::CACHE_CONTROL, "no-store");
    }
    response
}

async fn answer_in_time(request: Request, next: Next) -> Response {
    timeout(ANSWER, next.run(request)).await.unwrap_or_else(|_| {
        let late = Problem::new(ProblemKind::Unavailable, "This took too long.");
        ApiProblem(late).into_response()
    })
}

async fn secure(request: Request, next: Next) -> Response {
    let is_docs = is_docs(request.uri().path());
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    if is_docs {
        set_default(headers, header::CONTENT_SECURITY_POLICY, DOCS_CSP);
    }
    for (name, value) in HEADERS {
        set_default(headers, name, value);
    }
    response
}

fn is_docs(path: &str) -> bool {
    path == "/api/docs" || path.starts_with("/api/docs/")
}

fn set_default(headers: &mut HeaderMap, name: HeaderName, value: &'static str) {
    headers.entry(name).or_insert(HeaderValue::from_static(value));
}
