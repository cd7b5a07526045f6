//! `GET /api/v1/status`.

use app::backend::Backend as _;
use app::types::status::Status;
use axum::Json;
use axum::extract::State;

use super::nobody;
use super::problem::{ApiProblem, OutageProblems};
use crate::web::AppState;

/// The live picture
///
/// Circuits, relays, readings with age and validity, reasons, day/night window, trip, energy. For anyone.
#[utoipa::path(
    get,
    path = "/status",
    tag = "live",
    responses((status = 200, description = "The picture after the latest step", body = Status), OutageProblems)
)]
pub(super) async fn get_status(State(state): State<AppState>) -> Result<Json<Status>, ApiProblem> {
    Ok(Json(state.services.status(&nobody()).await?))
}
