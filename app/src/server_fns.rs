//! Typed server functions: what the app's own forms call. Each is one line to [`Backend`](crate::backend::Backend);
//! the rules live there. They answer under `/fn/…`, with the same [`Problem`] and the same status as REST.

// The macro makes a struct of each function's arguments, which has no place for a comment.
#![allow(missing_docs)]

use leptos::prelude::*;
use leptos::server_fn::codec::Json;

use crate::types::control::OverrideOrder;
use crate::types::problem::Problem;
use crate::types::settings::{RegulationSettings, Revised};
use crate::types::status::Status;

/// Section `regulation` with its revision.
#[server(prefix = "/fn", endpoint = "regulation", input = Json)]
pub async fn regulation() -> Result<Revised<RegulationSettings>, Problem> {
    let (backend, caller) = on_server::context()?;
    on_server::answer(backend.regulation(&caller).await)
}

/// Replace section `regulation`, whole.
#[server(prefix = "/fn", endpoint = "set_regulation", input = Json)]
pub async fn set_regulation(change: Revised<RegulationSettings>) -> Result<Revised<RegulationSettings>, Problem> {
    let (backend, caller) = on_server::context()?;
    on_server::answer(backend.set_regulation(&caller, change).await)
}

/// Force a circuit or a relay, or hand it back.
#[server(prefix = "/fn", endpoint = "set_override", input = Json)]
pub async fn set_override(order: OverrideOrder) -> Result<Status, Problem> {
    let (backend, caller) = on_server::context()?;
    on_server::answer(backend.set_override(&caller, order).await)
}

/// Everything off until a person resumes.
#[server(prefix = "/fn", endpoint = "all_off", input = Json)]
pub async fn all_off() -> Result<Status, Problem> {
    let (backend, caller) = on_server::context()?;
    on_server::answer(backend.all_off(&caller).await)
}

/// End all-off.
#[server(prefix = "/fn", endpoint = "resume", input = Json)]
pub async fn resume() -> Result<Status, Problem> {
    let (backend, caller) = on_server::context()?;
    on_server::answer(backend.resume(&caller).await)
}

/// Clear a latched trip whose cause is gone.
#[server(prefix = "/fn", endpoint = "reset_watchdog", input = Json)]
pub async fn reset_watchdog() -> Result<Status, Problem> {
    let (backend, caller) = on_server::context()?;
    on_server::answer(backend.reset_watchdog(&caller).await)
}

/// Let a tripped circuit's contacts prove themselves.
#[server(prefix = "/fn", endpoint = "self_test", input = Json)]
pub async fn self_test(circuit: u8) -> Result<Status, Problem> {
    let (backend, caller) = on_server::context()?;
    on_server::answer(backend.self_test(&caller, circuit).await)
}

#[cfg(feature = "ssr")]
mod on_server {
    use std::sync::Arc;

    use leptos::prelude::use_context;

    use crate::backend::{Backend, Caller};
    use crate::types::problem::{Problem, ProblemKind};

    /// The backend and the caller that the server put into the context.
    pub(super) fn context() -> Result<(Arc<dyn Backend>, Caller), Problem> {
        use_context::<Arc<dyn Backend>>()
            .zip(use_context::<Caller>())
            .ok_or_else(|| Problem::new(ProblemKind::Internal, "The server gave no context."))
    }

    /// Gives an error its own status; a server function's error would be a 500 otherwise.
    pub(super) fn answer<T>(result: Result<T, Problem>) -> Result<T, Problem> {
        if let (Err(problem), Some(response)) = (&result, use_context::<leptos_axum::ResponseOptions>())
            && let Ok(status) = http::StatusCode::from_u16(problem.status)
        {
            response.set_status(status);
        }
        result
    }
}
