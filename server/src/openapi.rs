//! The API's document, made from the handlers. A copy is committed; a test fails when the two differ.

use utoipa::openapi::OpenApi;

use crate::rest;

/// The document that `/api/openapi.json` serves.
pub fn document() -> OpenApi {
    rest::routes().into_openapi()
}

/// The document as it is committed: pretty JSON with a newline at its end.
///
/// # Errors
/// When it can't be written as JSON.
pub fn json() -> serde_json::Result<String> {
    Ok(document().to_pretty_json()? + "\n")
}
