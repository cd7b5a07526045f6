//! Overrides, all-off and the watchdog's reset. Each answers the picture in which its effect shows.

use app::backend::{Backend as _, Caller};
use app::types::control::{OverrideOrder, OverrideRequest, OverrideTarget};
use app::types::problem::Problem;
use app::types::status::Status;
use axum::Json;
use axum::extract::{Path, State};

use super::body::JsonBody;
use super::problem::{
    ApiProblem, BodyProblems, ChangeProblems, LoginProblems, OutageProblems, RoleProblems, StateProblems,
    TargetProblems,
};
use crate::services::control::no_such_circuit;
use crate::web::AppState;

/// Force a circuit
///
/// On or off for a time; then it gives way. The watchdog stays on. For operators.
#[utoipa::path(
    put,
    path = "/circuits/{circuit}/override",
    tag = "control",
    security(("cookie" = []), ("bearer" = [])),
    params(("circuit" = u8, Path, description = "1 or 2", minimum = 1, maximum = 2)),
    request_body = OverrideRequest,
    responses(
        (status = 200, description = "The picture with the override", body = Status),
        LoginProblems,
        RoleProblems,
        TargetProblems,
        StateProblems,
        ChangeProblems,
        BodyProblems,
    )
)]
pub(super) async fn force_circuit(
    State(state): State<AppState>,
    Path(circuit): Path<String>,
    caller: Caller,
    JsonBody(forced): JsonBody<OverrideRequest>,
) -> Result<Json<Status>, ApiProblem> {
    let target = circuit_target(&circuit)?;
    order(&state, &caller, target, Some(forced)).await
}

/// Hand a circuit back to automatic
///
/// For operators.
#[utoipa::path(
    delete,
    path = "/circuits/{circuit}/override",
    tag = "control",
    security(("cookie" = []), ("bearer" = [])),
    params(("circuit" = u8, Path, description = "1 or 2", minimum = 1, maximum = 2)),
    responses(
        (status = 200, description = "The picture without the override", body = Status),
        LoginProblems,
        RoleProblems,
        TargetProblems,
        StateProblems,
        ChangeProblems,
    )
)]
pub(super) async fn release_circuit(
    State(state): State<AppState>,
    Path(circuit): Path<String>,
    caller: Caller,
) -> Result<Json<Status>, ApiProblem> {
    let target = circuit_target(&circuit)?;
    order(&state, &caller, target, None).await
}

/// Force a relay
///
/// On or off for a time; then it gives way. The watchdog stays on. For operators.
#[utoipa::path(
    put,
    path = "/relays/{relay}/override",
    tag = "control",
    security(("cookie" = []), ("bearer" = [])),
    params(("relay" = String, Path, description = "`inside1`, `outside1`, `inside2` or `outside2`")),
    request_body = OverrideRequest,
    responses(
        (status = 200, description = "The picture with the override", body = Status),
        LoginProblems,
        RoleProblems,
        TargetProblems,
        StateProblems,
        ChangeProblems,
        BodyProblems,
    )
)]
pub(super) async fn force_relay(
    State(state): State<AppState>,
    Path(relay): Path<String>,
    caller: Caller,
    JsonBody(forced): JsonBody<OverrideRequest>,
) -> Result<Json<Status>, ApiProblem> {
    order(&state, &caller, OverrideTarget::Relay(relay), Some(forced)).await
}

/// Hand a relay back to automatic
///
/// For operators.
#[utoipa::path(
    delete,
    path = "/relays/{relay}/override",
    tag = "control",
    security(("cookie" = []), ("bearer" = [])),
    params(("relay" = String, Path, description = "`inside1`, `outside1`, `inside2` or `outside2`")),
    responses(
        (status = 200, description = "The picture without the override", body = Status),
        LoginProblems,
        RoleProblems,
        TargetProblems,
        StateProblems,
        ChangeProblems,
    )
)]
pub(super) async fn release_relay(
    State(state): State<AppState>,
    Path(relay): Path<String>,
    caller: Caller,
) -> Result<Json<Status>, ApiProblem> {
    order(&state, &caller, OverrideTarget::Relay(relay), None).await
}

/// Everything off
///
/// Until someone resumes. For anyone who is logged in; it never has to queue.
#[utoipa::path(
    post,
    path = "/all-off",
    tag = "control",
    security(("cookie" = []), ("bearer" = [])),
    responses((status = 200, description = "The picture, all off", body = Status), LoginProblems, ChangeProblems)
)]
pub(super) async fn all_off(State(state): State<AppState>, caller: Caller) -> Result<Json<Status>, ApiProblem> {
    Ok(Json(state.services.all_off(&caller).await?))
}

/// End all-off
///
/// Back to automatic. For operators.
#[utoipa::path(
    delete,
    path = "/all-off",
    tag = "control",
    security(("cookie" = []), ("bearer" = [])),
    responses(
        (status = 200, description = "The picture, resumed", body = Status),
        LoginProblems,
        RoleProblems,
        StateProblems,
        ChangeProblems,
    )
)]
pub(super) async fn resume(State(state): State<AppState>, caller: Caller) -> Result<Json<Status>, ApiProblem> {
    Ok(Json(state.services.resume(&caller).await?))
}

/// Reset the watchdog
///
/// Clears a latched trip whose cause is gone; 409 says what still stands against it. For operators.
#[utoipa::path(
    post,
    path = "/watchdog/reset",
    tag = "control",
    security(("cookie" = []), ("bearer" = [])),
    responses(
        (status = 200, description = "The picture without the trip", body = Status),
        LoginProblems,
        RoleProblems,
        StateProblems,
        ChangeProblems,
        OutageProblems,
    )
)]
pub(super) async fn reset_watchdog(State(state): State<AppState>, caller: Caller) -> Result<Json<Status>, ApiProblem> {
    Ok(Json(state.services.reset_watchdog(&caller).await?))
}

/// Begin a self-test
///
/// A trip by current that should not be, an open element or a welded contact looks mended at night. Its circuit's
/// contacts prove themselves first: on until 1 A has flowed, then off. 409 without such a trip. For operators.
#[utoipa::path(
    post,
    path = "/circuits/{circuit}/self-test",
    tag = "control",
    security(("cookie" = []), ("bearer" = [])),
    params(("circuit" = u8, Path, description = "1 or 2", minimum = 1, maximum = 2)),
    responses(
        (status = 200, description = "The picture as the test begins", body = Status),
        LoginProblems,
        RoleProblems,
        TargetProblems,
        StateProblems,
        ChangeProblems,
    )
)]
pub(super) async fn self_test(
    State(state): State<AppState>,
    Path(circuit): Path<String>,
    caller: Caller,
) -> Result<Json<Status>, ApiProblem> {
    Ok(Json(state.services.self_test(&caller, circuit_number(&circuit)?).await?))
}

async fn order(
    state: &AppState,
    caller: &Caller,
    target: OverrideTarget,
    forced: Option<OverrideRequest>,
) -> Result<Json<Status>, ApiProblem> {
    let order = OverrideOrder { target, forced };
    Ok(Json(state.services.set_override(caller, order).await?))
}

/// What is no small number is no circuit.
fn circuit_number(text: &str) -> Result<u8, Problem> {
    text.parse().map_err(|_| no_such_circuit())
}

fn circuit_target(text: &str) -> Result<OverrideTarget, Problem> {
    circuit_number(text).map(OverrideTarget::Circuit)
}
