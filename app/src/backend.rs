//! Every operation of Suntank, once. REST handlers and server functions are adapters of a line or two;
//! `server/src/services` implements it. Each method authorises its caller itself.

use async_trait::async_trait;

use crate::types::control::OverrideOrder;
use crate::types::problem::Problem;
use crate::types::series::{Series, SeriesRequest};
use crate::types::session::{Login, Role, Session};
use crate::types::settings::{RegulationSettings, Revised, SiteSettings};
use crate::types::status::Status;

/// Who asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Caller {
    /// Nobody is logged in.
    Anonymous {
        /// Where the request comes from, for throttling.
        address: String,
    },
    /// A logged-in person.
    Person {
        /// The user's id.
        user_id: i64,
        /// The user's name, for the log.
        name: String,
        /// What the user may do.
        role: Role,
        /// This session.
        session_id: String,
        /// When it ends.
        expires_at: chrono::DateTime<chrono::Utc>,
    },
}

/// A session that has just begun, with the token that proves it.
#[derive(Clone)]
pub struct NewSession {
    /// Who is logged in.
    pub session: Session,
    /// The signed token for the cookie or the bearer header.
    pub token: String,
}

/// All operations.
#[async_trait]
pub trait Backend: Send + Sync {
    /// The live picture. Anyone.
    async fn status(&self, caller: &Caller) -> Result<Status, Problem>;
    /// Measurements over time. Anyone.
    async fn series(&self, caller: &Caller, request: SeriesRequest) -> Result<Series, Problem>;

    /// Begin a session. Anyone, throttled by account and address.
    async fn log_in(&self, caller: &Caller, login: Login) -> Result<NewSession, Problem>;
    /// Who is logged in.
    async fn session(&self, caller: &Caller) -> Result<Session, Problem>;
    /// End this session at once, wherever its token is.
    async fn log_out(&self, caller: &Caller) -> Result<(), Problem>;

    /// Section `regulation`. Operators.
    async fn regulation(&self, caller: &Caller) -> Result<Revised<RegulationSettings>, Problem>;
    /// Replace section `regulation`, whole, if nobody changed it since. Operators.
    async fn set_regulation(
        &self,
        caller: &Caller,
        change: Revised<RegulationSettings>,
    ) -> Result<Revised<RegulationSettings>, Problem>;
    /// Section `site`. Administrators.
    async fn site(&self, caller: &Caller) -> Result<Revised<SiteSettings>, Problem>;
    /// Replace section `site`, whole, if nobody changed it since. Administrators.
    async fn set_site(&self, caller: &Caller, change: Revised<SiteSettings>) -> Result<Revised<SiteSettings>, Problem>;

    /// Force a circuit or a relay on or off for a time, or hand it back. Operators.
    async fn set_override(&self, caller: &Caller, order: OverrideOrder) -> Result<Status, Problem>;
    /// Everything off until a person resumes. Any logged-in person.
    async fn all_off(&self, caller: &Caller) -> Result<Status, Problem>;
    /// End all-off. Operators.
    async fn resume(&self, caller: &Caller) -> Result<Status, Problem>;
    /// Clear a latched trip whose cause is gone. Operators.
    async fn reset_watchdog(&self, caller: &Caller) -> Result<Status, Problem>;
    /// Let a tripped circuit's contacts prove themselves in the sun, so that its trip may be cleared. Operators.
    async fn self_test(&self, caller: &Caller, circuit: u8) -> Result<Status, Problem>;
}
