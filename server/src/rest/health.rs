//! `/healthz` and `/readyz`, for whoever watches over the process.

use std::time::Duration;

use app::types::problem::{Problem, ProblemKind};
use axum::Json;
use axum::extract::State;
use serde::Serialize;
use tokio::time::timeout;
use utoipa::ToSchema;

use super::problem::{ApiProblem, OutageProblems};
use crate::web::AppState;

/// Ten steps without a picture are too many.
const FRESH: Duration = Duration::from_secs(1);
/// Storage that takes longer is not ready.
const PATIENCE: Duration = Duration::from_secs(1);

/// All is well.
#[derive(Serialize, ToSchema)]
pub(super) struct Health {
    /// `ok`
    status: &'static str,
}

const OK: Health = Health { status: "ok" };

/// The process lives
#[utoipa::path(
    get,
    path = "/healthz",
    tag = "machine",
    responses((status = 200, description = "It does", body = Health))
)]
pub(super) async fn healthz() -> Json<Health> {
    Json(OK)
}

/// The control loop steps and storage answers
#[utoipa::path(
    get,
    path = "/readyz",
    tag = "machine",
    responses((status = 200, description = "They do", body = Health), OutageProblems)
)]
pub(super) async fn readyz(State(state): State<AppState>) -> Result<Json<Health>, ApiProblem> {
    let unavailable = |detail: &str| Problem::new(ProblemKind::Unavailable, detail);
    if state.services.control().picture_age() > FRESH {
        return Err(unavailable("The control loop does not step.").into());
    }
    let storage = timeout(PATIENCE, state.services.storage_answers()).await;
    if !storage.unwrap_or(false) {
        return Err(unavailable("Storage does not answer.").into());
    }
    Ok(Json(OK))
}
