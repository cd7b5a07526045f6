//! Measurements over time.

use app::types::problem::{FieldError, Problem, ProblemKind};
use app::types::series::{Series, SeriesColumn, SeriesQuantity, SeriesRequest};
use chrono::{DateTime, TimeDelta, Utc};
use storage::{Column, SeriesQuery};

use super::{Services, storage_problem};

const DEFAULT_POINTS: u32 = 1000;
const DEFAULT_SPAN: TimeDelta = TimeDelta::hours(24);
/// More than this at once is a mistake.
const LONGEST_SPAN: TimeDelta = TimeDelta::days(3660);

impl Services {
    pub(super) async fn read_series(&self, request: SeriesRequest) -> Result<Series, Problem> {
        let now = DateTime::from_timestamp_millis(self.now().0).unwrap_or_default();
        let query = query(&request, now).map_err(Problem::invalid)?;
        let series = self.storage.series(query).await.map_err(storage_problem)?;
        wire(&request.quantities, series)
            .ok_or_else(|| Problem::new(ProblemKind::Internal, "Storage answered other columns than asked for."))
    }
}

/// What storage is to be asked, or every field that can't be taken.
fn query(request: &SeriesRequest, now: DateTime<Utc>) -> Result<SeriesQuery, Vec<FieldError>> {
    let to = request.to.unwrap_or(now);
    let from = request.from.unwrap_or(to - DEFAULT_SPAN);
    let points = request.points.unwrap_or(DEFAULT_POINTS);
    let mut errors = Vec::new();
    let mut refuse = |field: &str, message: String| {
        errors.push(FieldError { field: field.into(), message });
    };
    if request.quantities.is_empty() {
        refuse("quantity", "names at least one quantity".into());
    }
    let mut seen = Vec::new();
    for quantity in &request.quantities {
        if seen.contains(quantity) {
            refuse("quantity", format!("names {} twice", quantity.name()));
        }
        seen.push(*quantity);
    }
    if from < DateTime::UNIX_EPOCH {
        refuse("from", "must not lie before 1970".into());
    }
    if to <= from {
        refuse("to", "must be later than from".into());
    } else if to - from > LONGEST_SPAN {
        let days = LONGEST_SPAN.num_days();
        refuse("to", format!("must lie at most {days} days after from"));
    }
    if !(1..=SeriesQuery::MAX_POINTS).contains(&points) {
        let most = SeriesQuery::MAX_POINTS;
        refuse("points", format!("must be between 1 and {most}"));
    }
    if !errors.is_empty() {
        return Err(errors);
    }
    Ok(SeriesQuery {
        columns: request.quantities.iter().copied().map(column).collect(),
        from_ms: from.timestamp_millis(),
        to_ms: to.timestamp_millis(),
        points,
    })
}

const fn column(quantity: SeriesQuantity) -> Column {
    match quantity {
        SeriesQuantity::Power1W => Column::Power1,
        SeriesQuantity::Power2W => Column::Power2,
        SeriesQuantity::V1V => Column::V1,
        SeriesQuantity::I1A => Column::I1,
        SeriesQuantity::T1F => Column::T1,
        SeriesQuantity::V2V => Column::V2,
        SeriesQuantity::I2A => Column::I2,
        SeriesQuantity::T2F => Column::T2,
    }
}

/// `None` when the columns are not those asked for.
fn wire(quantities: &[SeriesQuantity], series: storage::Series) -> Option<Series> {
    let time = |ms: i64| DateTime::from_timestamp_millis(ms);
    let asked = quantities.iter().copied().map(column);
    if !asked.eq(series.columns.iter().map(|c| c.column)) {
        return None;
    }
    Some(Series {
        from: time(*series.start_ms.first()?)?,
        to: time(*series.start_ms.last()? + series.bucket_ms)?,
        bucket_ms: series.bucket_ms,
        columns: quantities
            .iter()
            .zip(series.columns)
            .map(|(&quantity, column)| SeriesColumn { quantity, min: column.min, mean: column.mean, max: column.max })
            .collect(),
    })
}
