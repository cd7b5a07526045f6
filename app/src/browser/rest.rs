//! Requests to `/api/v1` for what is streamed, cached or sets cookies. All else goes through the server functions.

use gloo_net::http::{Request, Response};
use serde::de::DeserializeOwned;

use crate::types::problem::{Problem, ProblemKind};
use crate::types::series::{Series, SeriesQuantity};
use crate::types::session::{Login, Session};
use crate::types::status::Status;

/// The live picture.
pub(crate) async fn status() -> Result<Status, Problem> {
    body(Request::get("/api/v1/status").send().await).await
}

/// The last 24 hours of these quantities, in about so many buckets.
pub(crate) async fn series(quantities: &[SeriesQuantity], points: u32) -> Result<Series, Problem> {
    let names: Vec<_> = quantities.iter().map(|q| q.name()).collect();
    let url = format!("/api/v1/series?quantity={}&points={points}", names.join(","));
    body(Request::get(&url).send().await).await
}

/// Who is logged in.
pub(crate) async fn session() -> Result<Session, Problem> {
    body(Request::get("/api/v1/session").send().await).await
}

/// Begins a session; its token comes in a cookie that no script can read.
pub(crate) async fn log_in(login: &Login) -> Result<Session, Problem> {
    let request = Request::post("/api/v1/session").json(login).map_err(unreachable_server)?;
    body(request.send().await).await
}

/// Ends the session.
pub(crate) async fn log_out() -> Result<(), Problem> {
    let answer = Request::delete("/api/v1/session").send().await;
    checked(answer).await.map(|_| ())
}

/// Reads JSON the way the server functions do it: a second way would be a second copy of every reader in the wasm.
pub(crate) fn from_json<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, serde_json::Error> {
    serde_json::from_slice(bytes)
}

async fn body<T: DeserializeOwned>(answer: Result<Response, gloo_net::Error>) -> Result<T, Problem> {
    let answer = checked(answer).await?;
    let bytes = answer.binary().await.map_err(unreachable_server)?;
    from_json(&bytes).map_err(|error| Problem::new(ProblemKind::Internal, error.to_string()))
}

/// An answer that says yes; else its problem, or one made of its status if it has none.
async fn checked(answer: Result<Response, gloo_net::Error>) -> Result<Response, Problem> {
    let answer = answer.map_err(unreachable_server)?;
    if answer.ok() {
        return Ok(answer);
    }
    let status = answer.status();
    let bytes = answer.binary().await.unwrap_or_default();
    Err(from_json(&bytes).unwrap_or_else(|_| Problem {
        status,
        ..Problem::new(ProblemKind::Internal, format!("The server said {status}."))
    }))
}

fn unreachable_server(error: gloo_net::Error) -> Problem {
    Problem::new(ProblemKind::Unavailable, error.to_string())
}
