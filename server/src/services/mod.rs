//! Every operation of Suntank, once: the implementation of [`Backend`], one file an area.
//!
//! Services are the only callers of storage and of the control loop. Each method first asks whether its caller
//! may do it; adapters don't.

pub(crate) mod control;
mod energy;
mod series;
mod session;
mod settings;
mod status;

use std::sync::{Arc, PoisonError, RwLock};

use app::backend::{Backend, Caller, NewSession};
use app::types::control::OverrideOrder;
use app::types::problem::{Problem, ProblemKind};
use app::types::series::{Series, SeriesRequest};
use app::types::session::{Login, Role, Session};
use app::types::settings::{RegulationSettings, Revised, SiteSettings};
use app::types::status::Status;
use async_trait::async_trait;
use engine::config::Config;
use engine::units::UtcMs;
use storage::{Category, Level, NewEvent, Recorder, Storage, StorageError};

use self::energy::EnergyCache;
use crate::auth::Auth;
use crate::boot::BootFile;
use crate::clock::host_utc;
use crate::loop_handle::{LoopGone, LoopHandle};

pub use settings::{REGULATION, SITE, Settings, load_settings};

/// Where things are kept.
pub struct Stores {
    /// The database.
    pub storage: Arc<dyn Storage>,
    /// What is written to it in batches.
    pub recorder: Recorder,
    /// What must be known without it.
    pub boot: Arc<BootFile>,
}

/// What the services stand on.
pub struct Services {
    control: LoopHandle,
    storage: Arc<dyn Storage>,
    recorder: Recorder,
    auth: Auth,
    boot: Arc<BootFile>,
    /// The engine's configuration before any setting.
    base: Config,
    demo_speed: Option<u32>,
    settings: RwLock<Arc<Settings>>,
    /// One change of settings at a time, from reading the old ones to the loop's answer.
    changing: tokio::sync::Mutex<()>,
    energy: Arc<EnergyCache>,
}

/// A caller who is logged in and may do what is asked.
#[derive(Debug, Clone, Copy)]
struct Person<'a> {
    name: &'a str,
}

impl Services {
    /// Services over a running loop. `settings` are those that the loop was started with.
    pub fn new(
        control: LoopHandle,
        stores: Stores,
        auth: Auth,
        base: Config,
        settings: Settings,
        demo_speed: Option<u32>,
    ) -> Self {
        let Stores { storage, recorder, boot } = stores;
        Self {
            control,
            energy: Arc::new(EnergyCache::new(Arc::clone(&storage))),
            storage,
            recorder,
            auth,
            boot,
            base,
            demo_speed,
            settings: RwLock::new(Arc::new(settings)),
            changing: tokio::sync::Mutex::new(()),
        }
    }

    /// Sessions, for who turns a request into a caller.
    pub(crate) const fn auth(&self) -> &Auth {
        &self.auth
    }

    /// The control loop, for who follows its pictures or asks how it fares.
    pub(crate) const fn control(&self) -> &LoopHandle {
        &self.control
    }

    /// Whether storage answers.
    pub(crate) async fn storage_answers(&self) -> bool {
        self.storage.count_users().await.is_ok()
    }

    /// The settings in force.
    pub(crate) fn settings_now(&self) -> Arc<Settings> {
        let settings = self.settings.read().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(&settings)
    }

    /// The plant's time, or the host's while the plant has none.
    fn now(&self) -> UtcMs {
        let plants = self.control.picture().snapshot.now.wall;
        plants.unwrap_or_else(host_utc)
    }

    /// Says in the log what a person did.
    fn note(&self, person: Person<'_>, kind: &str, message: String, data: serde_json::Value) {
        let mut data = data;
        data["user"] = person.name.into();
        let event = NewEvent {
            ts_ms: self.now().0,
            level: Level::Notice,
            category: Category::User,
            kind: kind.into(),
            message,
            data: Some(data.to_string()),
        };
        self.record(event);
    }

    /// What was done is done, whether or not the log can take it.
    fn record(&self, event: NewEvent) {
        let kind = event.kind.clone();
        if let Err(error) = self.recorder.event(event) {
            tracing::error!(kind, %error, "an event was lost");
        }
    }
}

/// Anyone who is logged in.
fn anyone(caller: &Caller) -> Result<Person<'_>, Problem> {
    match caller {
        Caller::Anonymous { .. } => Err(not_logged_in()),
        Caller::Person { name, .. } => Ok(Person { name }),
    }
}

fn not_logged_in() -> Problem {
    Problem::new(ProblemKind::NotLoggedIn, "Log in to do this, or again if your session has ended.")
}

/// Who is logged in and has this role or a higher one.
fn at_least(role: Role, caller: &Caller) -> Result<Person<'_>, Problem> {
    let person = anyone(caller)?;
    match caller {
        Caller::Person { role: theirs, .. } if *theirs >= role => Ok(person),
        _ => Err(Problem::new(ProblemKind::Forbidden, "Only an administrator may do this.")),
    }
}

/// What storage's refusal means to a caller. Conflicts mean something of their own in each place.
pub(crate) fn storage_problem(error: StorageError) -> Problem {
    let kind = match &error {
        StorageError::Unavailable(_) => ProblemKind::Unavailable,
        StorageError::Conflict(_) => ProblemKind::Conflict,
        StorageError::NotFound(_) => ProblemKind::NotFound,
        StorageError::Invalid(_) => ProblemKind::Invalid,
        StorageError::Corrupt(_) | StorageError::Schema(_) => ProblemKind::Internal,
    };
    if kind == ProblemKind::Internal || kind == ProblemKind::Unavailable {
        tracing::error!(%error, "storage failed");
    }
    Problem::new(kind, error.to_string())
}

fn loop_problem(gone: LoopGone) -> Problem {
    tracing::error!(error = %gone, "the control loop gave no answer");
    let detail = match gone {
        LoopGone::Full => "The control loop has too many commands waiting. Nothing was changed; try again.",
        LoopGone::Ended => "The control loop has ended; the relays are open. Nothing was changed.",
        LoopGone::Late => "The control loop does not answer. It may still do what you asked.",
    };
    Problem::new(ProblemKind::Unavailable, detail)
}

#[async_trait]
impl Backend for Services {
    async fn status(&self, _caller: &Caller) -> Result<Status, Problem> {
        Ok(self.live_picture().await)
    }

    async fn series(&self, _caller: &Caller, request: SeriesRequest) -> Result<Series, Problem> {
        self.read_series(request).await
    }

    async fn log_in(&self, caller: &Caller, login: Login) -> Result<NewSession, Problem> {
        self.begin_session(caller, login).await
    }

    async fn session(&self, caller: &Caller) -> Result<Session, Problem> {
        session::present(caller)
    }

    async fn log_out(&self, caller: &Caller) -> Result<(), Problem> {
        self.end_session(caller).await
    }

    async fn regulation(&self, caller: &Caller) -> Result<Revised<RegulationSettings>, Problem> {
        at_least(Role::Operator, caller)?;
        Ok(self.settings_now().regulation.clone())
    }

    async fn set_regulation(
        &self,
        caller: &Caller,
        change: Revised<RegulationSettings>,
    ) -> Result<Revised<RegulationSettings>, Problem> {
        let person = at_least(Role::Operator, caller)?;
        self.change_regulation(person, change).await
    }

    async fn site(&self, caller: &Caller) -> Result<Revised<SiteSettings>, Problem> {
        at_least(Role::Administrator, caller)?;
        Ok(self.settings_now().site.clone())
    }

    async fn set_site(&self, caller: &Caller, change: Revised<SiteSettings>) -> Result<Revised<SiteSettings>, Problem> {
        let person = at_least(Role::Administrator, caller)?;
        self.change_site(person, change).await
    }

    async fn set_override(&self, caller: &Caller, order: OverrideOrder) -> Result<Status, Problem> {
        let person = at_least(Role::Operator, caller)?;
        self.take_in_hand(person, order).await
    }

    async fn all_off(&self, caller: &Caller) -> Result<Status, Problem> {
        let person = anyone(caller)?;
        self.switch_all_off(person).await
    }

    async fn resume(&self, caller: &Caller) -> Result<Status, Problem> {
        let person = at_least(Role::Operator, caller)?;
        self.end_all_off(person).await
    }

    async fn reset_watchdog(&self, caller: &Caller) -> Result<Status, Problem> {
        let person = at_least(Role::Operator, caller)?;
        self.clear_trip(person).await
    }

    async fn self_test(&self, caller: &Caller, circuit: u8) -> Result<Status, Problem> {
        let person = at_least(Role::Operator, caller)?;
        self.begin_self_test(person, circuit).await
    }
}
