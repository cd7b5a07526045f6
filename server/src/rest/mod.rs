//! REST: thin handlers under `/api/v1`, one file an area, and the document that is made from them.
//!
//! A handler reads the request, calls one method of the backend and writes its answer; no rule lives here.

pub(crate) mod body;
mod control;
pub(crate) mod guard;
mod health;
pub(crate) mod problem;
mod series;
mod session;
mod settings;
mod status;

use app::backend::Caller;
use app::types::problem::Problem;
use utoipa::openapi::security::{ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::{Modify, OpenApi, openapi};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::auth::SESSION_COOKIE;
use crate::live;
use crate::web::AppState;

/// The frame of the document; paths and schemas come from the handlers.
#[derive(OpenApi)]
#[openapi(
    info(
        title = "Suntank",
        description = "Photovoltaic hot water: the live picture, its history, and what people may do.\n\n\
            Units stand in the names; times are RFC 3339 in UTC; every error is a Problem (RFC 9457). \
            Log in with `POST /api/v1/session` and send its token back as the cookie or as a bearer. \
            Requests that change something are JSON and come from this server's own pages or from programs.",
        license(name = "MIT OR Apache-2.0", identifier = "MIT OR Apache-2.0"),
    ),
    components(schemas(Problem)),
    modifiers(&Security),
    tags(
        (name = "live", description = "What is, and what was. For anyone."),
        (name = "session", description = "Logging in and out."),
        (name = "control", description = "Taking outputs in hand."),
        (name = "settings", description = "Sections, replaced whole under their revision."),
        (name = "machine", description = "For whoever watches over the process."),
    )
)]
struct Document;

struct Security;

impl Modify for Security {
    fn modify(&self, document: &mut openapi::OpenApi) {
        let components = document.components.get_or_insert_default();
        let cookie = ApiKey::Cookie(ApiKeyValue::new(SESSION_COOKIE));
        components.add_security_scheme("cookie", SecurityScheme::ApiKey(cookie));
        let bearer = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).bearer_format("JWT");
        components.add_security_scheme("bearer", SecurityScheme::Http(bearer.build()));
    }
}

/// All routes with their documentation.
pub(crate) fn routes() -> OpenApiRouter<AppState> {
    let v1 = OpenApiRouter::new()
        .routes(routes!(status::get_status))
        .routes(routes!(live::get_live))
        .routes(routes!(series::get_series))
        .routes(routes!(session::get_session, session::log_in, session::log_out))
        .routes(routes!(settings::get_regulation, settings::put_regulation))
        .routes(routes!(settings::get_site, settings::put_site))
        .routes(routes!(control::force_circuit, control::release_circuit))
        .routes(routes!(control::force_relay, control::release_relay))
        .routes(routes!(control::all_off, control::resume))
        .routes(routes!(control::reset_watchdog))
        .routes(routes!(control::self_test));
    OpenApiRouter::with_openapi(Document::openapi())
        .routes(routes!(health::healthz))
        .routes(routes!(health::readyz))
        .nest("/api/v1", v1)
}

/// Who asks for what is for anyone: nobody is looked up, so that it works with storage gone.
const fn nobody() -> Caller {
    Caller::Anonymous { address: String::new() }
}
