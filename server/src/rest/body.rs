//! Request bodies: JSON only, small, in time, without unknown fields; a refusal names the field.

use std::time::Duration;

use app::types::problem::{Problem, ProblemKind};
use axum::body::Bytes;
use axum::extract::{FromRequest, Request};
use http::{HeaderMap, StatusCode, header};
use serde::de::DeserializeOwned;
use serde_json::error::Category;
use tokio::time::timeout;

use super::problem::ApiProblem;

/// No body may be larger, in bytes.
pub(crate) const BODY_LIMIT: usize = 64 * 1024;
/// Nor dawdle longer.
const ARRIVAL: Duration = Duration::from_secs(10);

/// A body read by these rules.
#[derive(Debug)]
pub(super) struct JsonBody<T>(pub(super) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for JsonBody<T> {
    type Rejection = ApiProblem;

    async fn from_request(request: Request, _state: &S) -> Result<Self, ApiProblem> {
        let body = read(request).await?;
        Ok(Self(parse(&body)?))
    }
}

/// The whole body of a request that says it is JSON.
pub(crate) async fn read(request: Request) -> Result<Bytes, Problem> {
    if !says_json(request.headers()) {
        return Err(not_json());
    }
    let arrived = timeout(ARRIVAL, Bytes::from_request(request, &())).await;
    let body = arrived.map_err(|_| Problem::new(ProblemKind::Malformed, "The body did not arrive in time."))?;
    body.map_err(|rejection| {
        if rejection.status() == StatusCode::PAYLOAD_TOO_LARGE {
            let detail = format!("A body may have {BODY_LIMIT} bytes at the most.");
            Problem::new(ProblemKind::TooLarge, detail)
        } else {
            Problem::new(ProblemKind::Malformed, "The body did not arrive whole.")
        }
    })
}

/// The value that the JSON stands for: 400 for what is no JSON, 422 for what is no `T`.
pub(crate) fn parse<T: DeserializeOwned>(json: &[u8]) -> Result<T, Problem> {
    let mut deserializer = serde_json::Deserializer::from_slice(json);
    let value = serde_path_to_error::deserialize(&mut deserializer).map_err(|error| {
        let path = error.path().to_string();
        let error = error.into_inner();
        match error.classify() {
            Category::Data => unfit(&path, &error),
            _ => malformed(&error),
        }
    })?;
    deserializer.end().map_err(|error| malformed(&error))?;
    Ok(value)
}

/// Whether the content type is `application/json`, whatever its parameters.
pub(crate) fn says_json(headers: &HeaderMap) -> bool {
    let content_type = headers.get(header::CONTENT_TYPE);
    let essence = content_type.and_then(|value| value.to_str().ok()).and_then(|value| value.split(';').next());
    essence.is_some_and(|essence| essence.trim().eq_ignore_ascii_case("application/json"))
}

pub(crate) fn not_json() -> Problem {
    Problem::new(ProblemKind::NotJson, "Send JSON, with the header Content-Type: application/json.")
}

fn malformed(error: &serde_json::Error) -> Problem {
    let detail = format!("The body is not JSON: {error}.");
    Problem::new(ProblemKind::Malformed, detail)
}

fn unfit(path: &str, error: &serde_json::Error) -> Problem {
    let text = error.to_string();
    let message = text.split(" at line ").next().unwrap_or(&text);
    let missing = message.strip_prefix("missing field `").and_then(|rest| rest.strip_suffix('`'));
    let field = match (path, missing) {
        (".", Some(field)) => field.to_owned(),
        (".", None) => "body".to_owned(),
        (path, Some(field)) => format!("{path}.{field}"),
        (path, None) => path.to_owned(),
    };
    Problem::field(field, message)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use app::types::settings::RegulationSettings;

    use super::*;

    fn circuits(first: &str) -> String {
        let second = r#"{"target_f":120,"hysteresis_f":2,"mixing_valve_confirmed":false}"#;
        format!(
            r#"{{"circuits":[{first},{second}],"agreeing_samples":5,"before_sunset_min":30,"after_sunrise_min":30}}"#
        )
    }

    fn check(json: &str, status: u16, field: Option<&str>) {
        let problem = parse::<RegulationSettings>(json.as_bytes()).unwrap_err();
        assert_eq!(problem.status, status, "{json}: {problem}");
        let fields: Vec<_> = problem.errors.iter().map(|e| e.field.as_str()).collect();
        assert_eq!(fields, field.into_iter().collect::<Vec<_>>(), "{json}: {problem}");
    }

    #[test]
    fn a_refusal_names_the_field() {
        let target = |value: &str| {
            circuits(&format!(r#"{{"target_f":{value},"hysteresis_f":2,"mixing_valve_confirmed":false}}"#))
        };
        assert!(parse::<RegulationSettings>(target("120").as_bytes()).is_ok());
        check(&target("\"hot\""), 422, Some("circuits[0].target_f"));
        check(&target("null"), 422, Some("circuits[0].target_f"));
        check(&target("NaN"), 400, None);
        check(&target("1e999"), 400, None);
        check(&(target("120") + "{}"), 400, None);
        check(
            &circuits(r#"{"target_f":120,"hysteresis_f":2,"mixing_valve_confirmed":false,"wet":1}"#),
            422,
            Some("circuits[0].wet"),
        );
        check(&circuits(r#"{"target_f":120,"hysteresis_f":2}"#), 422, Some("circuits[0].mixing_valve_confirmed"));
        check("{}", 422, Some("circuits"));
        check("[]", 422, Some("body"));
        check("3", 422, Some("body"));
        check("", 400, None);
    }
}
