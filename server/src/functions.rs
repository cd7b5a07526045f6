//! Server functions: what the app's own forms call, under `/fn/…`.
//!
//! The transport's own habits are mended here: a body is read by the same rules as on REST, an error has its
//! problem's status and type, and nothing redirects.

use std::sync::Arc;

use app::backend::{Backend, Caller};
use app::server_fns::{AllOff, Regulation, ResetWatchdog, Resume, SelfTest, SetOverride, SetRegulation};
use app::types::problem::{Problem, ProblemKind};
use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{Request, State};
use axum::response::{IntoResponse as _, Response};
use axum::routing::post;
use http::{HeaderValue, header};
use leptos::prelude::provide_context;
use leptos::server_fn::ServerFn;
use leptos_axum::handle_server_fns_with_context;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::rest::body;
use crate::rest::problem::ApiProblem;
use crate::web::AppState;

/// An error's body is never larger, in bytes.
const PROBLEM_LIMIT: usize = 64 * 1024;

/// Each function's path, and the check of its arguments.
const FUNCTIONS: [(&str, Check); 7] = [
    checked::<Regulation>(),
    checked::<SetRegulation>(),
    checked::<SetOverride>(),
    checked::<AllOff>(),
    checked::<Resume>(),
    checked::<ResetWatchdog>(),
    checked::<SelfTest>(),
];

type Check = fn(&[u8]) -> Result<(), Problem>;

const fn checked<F: ServerFn + Serialize + DeserializeOwned>() -> (&'static str, Check) {
    (F::PATH, check::<F>)
}

/// The paths of all server functions.
pub fn paths() -> impl Iterator<Item = &'static str> {
    FUNCTIONS.into_iter().map(|(path, _)| path)
}

pub(crate) fn routes() -> Router<AppState> {
    Router::new().route("/fn/{*name}", post(call))
}

async fn call(State(state): State<AppState>, caller: Caller, request: Request) -> Result<Response, ApiProblem> {
    let path = request.uri().path().to_owned();
    let check = FUNCTIONS.iter().find(|(known, _)| *known == path);
    let (path, check) = check.ok_or_else(|| Problem::new(ProblemKind::NotFound, "There is no such function."))?;
    let arguments = body::read(request).await?;
    check(&arguments)?;

    let backend: Arc<dyn Backend> = state.services;
    let context = move || {
        provide_context(Arc::clone(&backend));
        provide_context(caller.clone());
    };
    let request = bare_request(path, arguments);
    let response = handle_server_fns_with_context(context, request).await;
    mend(response.into_response()).await
}

/// The arguments must fit, and there must be no others.
fn check<F: Serialize + DeserializeOwned>(json: &[u8]) -> Result<(), Problem> {
    let arguments: F = body::parse(json)?;
    let given: serde_json::Value = body::parse(json)?;
    let taken = serde_json::to_value(&arguments).unwrap_or_default();
    let names = given.as_object().into_iter().flat_map(|given| given.keys());
    for name in names {
        if taken.get(name).is_none() {
            return Err(Problem::field(name, "unknown field"));
        }
    }
    Ok(())
}

/// Without the headers that would make the transport redirect a form.
fn bare_request(path: &str, arguments: Bytes) -> Request {
    let mut request = Request::new(Body::from(arguments));
    *request.method_mut() = http::Method::POST;
    *request.uri_mut() = path.parse().unwrap_or_default();
    let json = HeaderValue::from_static("application/json");
    request.headers_mut().insert(header::CONTENT_TYPE, json);
    request
}

/// Gives an error the status and type of its problem.
async fn mend(response: Response) -> Result<Response, ApiProblem> {
    if response.status().is_success() {
        return Ok(response);
    }
    let body = to_bytes(response.into_body(), PROBLEM_LIMIT).await;
    let problem = body.ok().and_then(|body| serde_json::from_slice::<Problem>(&body).ok());
    let problem =
        problem.unwrap_or_else(|| Problem::new(ProblemKind::Internal, "The function failed without saying why."));
    Err(problem.into())
}
