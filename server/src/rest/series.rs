//! `GET /api/v1/series`.

use app::backend::Backend as _;
use app::types::problem::{FieldError, Problem};
use app::types::series::{Series, SeriesQuantity, SeriesRequest};
use axum::Json;
use axum::extract::{RawQuery, State};
use chrono::{DateTime, Utc};
use utoipa::IntoParams;

use super::nobody;
use super::problem::{ApiProblem, OutageProblems, QueryProblems};
use crate::web::AppState;

/// The query, for the documentation; [`parse`] reads it.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "only its documentation is used")]
pub(super) struct SeriesParams {
    /// What to draw: one or more, separated by commas or repeated.
    #[param(style = Form, explode = false, min_items = 1)]
    quantity: Vec<SeriesQuantity>,
    /// Default: 24 hours before `to`.
    from: Option<DateTime<Utc>>,
    /// Default: the plant's present time.
    to: Option<DateTime<Utc>>,
    /// About so many buckets. Default: 1000.
    #[param(minimum = 1, maximum = 5000)]
    points: Option<u32>,
}

/// Measurements over time
///
/// Buckets of equal width with minimum, mean and maximum, `null` where nothing was measured. For anyone.
#[utoipa::path(
    get,
    path = "/series",
    tag = "live",
    params(SeriesParams),
    responses(
        (status = 200, description = "Columns of buckets", body = Series),
        QueryProblems,
        OutageProblems,
    )
)]
pub(super) async fn get_series(
    State(state): State<AppState>,
    RawQuery(query): RawQuery,
) -> Result<Json<Series>, ApiProblem> {
    let request = parse(query.as_deref().unwrap_or_default())?;
    Ok(Json(state.services.series(&nobody(), request).await?))
}

/// Reads the query; 422 names every parameter that can't be.
fn parse(query: &str) -> Result<SeriesRequest, Problem> {
    let mut request = SeriesRequest { quantities: Vec::new(), from: None, to: None, points: None };
    let mut errors = Vec::new();
    for (name, value) in form_urlencoded::parse(query.as_bytes()) {
        let taken = match &*name {
            "quantity" => quantities(&value).map(|more| request.quantities.extend(more)),
            "from" => set_once(&mut request.from, time(&value)),
            "to" => set_once(&mut request.to, time(&value)),
            "points" => {
                let points = value.parse().map_err(|_| "must be a whole number".to_owned());
                set_once(&mut request.points, points)
            }
            _ => Err("is not a parameter; there are quantity, from, to, points".to_owned()),
        };
        if let Err(message) = taken {
            let field = name.into_owned();
            errors.push(FieldError { field, message });
        }
    }
    if errors.is_empty() { Ok(request) } else { Err(Problem::invalid(errors)) }
}

fn quantities(names: &str) -> Result<Vec<SeriesQuantity>, String> {
    let quantity = |name: &str| {
        SeriesQuantity::from_name(name).ok_or_else(|| {
            let all = SeriesQuantity::ALL.map(SeriesQuantity::name).join(", ");
            format!("must be one of {all}")
        })
    };
    names.split(',').map(quantity).collect()
}

fn time(text: &str) -> Result<DateTime<Utc>, String> {
    DateTime::parse_from_rfc3339(text)
        .map(|time| time.to_utc())
        .map_err(|_| "must be a time as in 2026-06-21T12:00:00Z; write + as %2B".to_owned())
}

fn set_once<T>(place: &mut Option<T>, value: Result<T, String>) -> Result<(), String> {
    if place.replace(value?).is_some() {
        return Err("is given twice".to_owned());
    }
    Ok(())
}
