//! The plain data that goes in and out: units, shapes and what each type refuses.
//!
//! Temperatures are °F, voltages V, currents A, powers W, energies Wh, all doubles; times are UTC
//! milliseconds since 1970, durations milliseconds.

use crate::error::{Result, StorageError};

/// The sensors, in the order of every `[_; 6]` here.
pub const SENSORS: [&str; 6] = ["v1", "i1", "t1", "v2", "i2", "t2"];

/// The relays, in the order of every `[_; 4]` here.
pub const RELAYS: [&str; 4] = ["inside1", "outside1", "inside2", "outside2"];

/// What was measured and done over one recording interval.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Measurement {
    /// End of the interval. Not unique, and not always rising: clocks step back.
    pub ts_ms: i64,
    /// The interval's length on the monotonic clock.
    pub dt_ms: i64,
    /// For each circuit, how much of the interval had valid volts and amperes.
    pub measured_ms: [i64; 2],
    /// For each of [`SENSORS`], what the driver gave; `None` when nothing valid came.
    pub raw: [Option<f64>; 6],
    /// The same after calibration.
    pub calibrated: [Option<f64>; 6],
    /// For each circuit, mean power.
    pub power_w: [Option<f64>; 2],
    /// For each circuit, energy delivered in the measured part of the interval.
    pub energy_wh: [f64; 2],
    /// For each of [`RELAYS`], whether it was closed.
    pub relays: [bool; 4],
    /// For each circuit, whether it was on.
    pub on: [bool; 2],
}

impl Measurement {
    /// Accepts the row if every number is finite and every duration is sensible.
    ///
    /// # Errors
    ///
    /// [`StorageError::Invalid`] naming the first field that is not.
    pub fn validate(&self) -> Result<()> {
        for (sensor, name) in SENSORS.iter().enumerate() {
            finite(name, self.raw[sensor])?;
            finite(name, self.calibrated[sensor])?;
        }
        for circuit in 0..2 {
            finite("power", self.power_w[circuit])?;
            finite("energy", Some(self.energy_wh[circuit]))?;
            if !(0..=self.dt_ms).contains(&self.measured_ms[circuit]) {
                return Err(StorageError::invalid("the measured time must lie within the interval"));
            }
        }
        Ok(())
    }
}

fn finite(name: &str, value: Option<f64>) -> Result<()> {
    match value {
        Some(value) if !value.is_finite() => Err(StorageError::invalid(format!("{name} must be a finite number"))),
        _ => Ok(()),
    }
}

/// A measurement with its key.
#[derive(Clone, Debug, PartialEq)]
pub struct StoredMeasurement {
    /// Rises with each row appended.
    pub seq: i64,
    /// The row.
    pub measurement: Measurement,
}

/// Which measurements to read: `from_ms <= ts_ms < to_ms`, by time, then by key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MeasurementQuery {
    /// First time, inclusive.
    pub from_ms: i64,
    /// Last time, exclusive.
    pub to_ms: i64,
    /// `(ts_ms, seq)` of the last row of the page before.
    pub after: Option<(i64, i64)>,
    /// At most this many rows.
    pub limit: u32,
}

/// A quantity that can be plotted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs)] // The names are the database's own; `name` gives them.
pub enum Column {
    V1,
    I1,
    T1,
    V2,
    I2,
    T2,
    V1Raw,
    I1Raw,
    T1Raw,
    V2Raw,
    I2Raw,
    T2Raw,
    Power1,
    Power2,
}

impl Column {
    /// All columns.
    pub const ALL: [Self; 14] = [
        Self::V1,
        Self::I1,
        Self::T1,
        Self::V2,
        Self::I2,
        Self::T2,
        Self::V1Raw,
        Self::I1Raw,
        Self::T1Raw,
        Self::V2Raw,
        Self::I2Raw,
        Self::T2Raw,
        Self::Power1,
        Self::Power2,
    ];

    /// The column's name in the database and in exports, such as `t1` (calibrated, °F), `t1_raw`
    /// or `power1_w`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::V1 => "v1",
            Self::I1 => "i1",
            Self::T1 => "t1",
            Self::V2 => "v2",
            Self::I2 => "i2",
            Self::T2 => "t2",
            Self::V1Raw => "v1_raw",
            Self::I1Raw => "i1_raw",
            Self::T1Raw => "t1_raw",
            Self::V2Raw => "v2_raw",
            Self::I2Raw => "i2_raw",
            Self::T2Raw => "t2_raw",
            Self::Power1 => "power1_w",
            Self::Power2 => "power2_w",
        }
    }

    /// The column of that [`Column::name`].
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|column| column.name() == name)
    }
}

/// Which series to compute, over rows with `from_ms <= ts_ms < to_ms`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SeriesQuery {
    /// The quantities, in the order of the answer; at least one.
    pub columns: Vec<Column>,
    /// First time, inclusive.
    pub from_ms: i64,
    /// Last time, exclusive.
    pub to_ms: i64,
    /// At most about this many buckets, 1..=5000.
    pub points: u32,
}

impl SeriesQuery {
    /// The most buckets that can be asked for.
    pub const MAX_POINTS: u32 = 5000;
}

/// Buckets of equal width that cover the queried span without holes.
///
/// Buckets begin at whole multiples of `bucket_ms` since 1970, so that they stand still while a
/// plot's window moves. The width is a whole number of seconds below a minute, of minutes below an
/// hour, of hours above.
#[derive(Clone, Debug, PartialEq)]
pub struct Series {
    /// Width of a bucket.
    pub bucket_ms: i64,
    /// Where each bucket begins.
    pub start_ms: Vec<i64>,
    /// One for each column asked for, in that order.
    pub columns: Vec<SeriesColumn>,
}

/// One quantity's buckets; `None` where nothing was measured.
#[derive(Clone, Debug, PartialEq)]
pub struct SeriesColumn {
    /// Which quantity.
    pub column: Column,
    /// The smallest row of each bucket.
    pub min: Vec<Option<f64>>,
    /// The mean of each bucket's rows.
    pub mean: Vec<Option<f64>>,
    /// The largest row of each bucket.
    pub max: Vec<Option<f64>>,
}

/// Energy of a time span.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Energy {
    /// For each circuit, the energy delivered.
    pub wh: [f64; 2],
    /// For each circuit, the time that was measured: what lacks was a gap.
    pub measured_ms: [i64; 2],
}

/// How grave an event is, mildest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Level {
    /// Of use when looking closely.
    Info,
    /// Of use to the owner.
    Notice,
    /// Something is not as it should be.
    Warning,
    /// Something does not work.
    Error,
    /// A danger, or protection has acted.
    Critical,
}

impl Level {
    /// All levels, mildest first.
    pub const ALL: [Self; 5] = [Self::Info, Self::Notice, Self::Warning, Self::Error, Self::Critical];

    /// The word in the database and on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Notice => "notice",
            Self::Warning => "warning",
            Self::Error => "error",
            Self::Critical => "critical",
        }
    }

    /// The level of that word.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|level| level.as_str() == word)
    }
}

/// What an event is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Category {
    /// A relay or circuit changed.
    OutputChange,
    /// A trip, or what led to it.
    Watchdog,
    /// The thermostat, the day window, an override.
    Regulation,
    /// A person did something.
    User,
    /// A sensor, a bus, a display.
    Driver,
    /// The ground-fault panel.
    Gfci,
    /// This store.
    Storage,
    /// Who changed what, with old and new values.
    Audit,
    /// Anything else.
    Info,
}

impl Category {
    /// All categories.
    pub const ALL: [Self; 9] = [
        Self::OutputChange,
        Self::Watchdog,
        Self::Regulation,
        Self::User,
        Self::Driver,
        Self::Gfci,
        Self::Storage,
        Self::Audit,
        Self::Info,
    ];

    /// The word in the database and on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::OutputChange => "output_change",
            Self::Watchdog => "watchdog",
            Self::Regulation => "regulation",
            Self::User => "user",
            Self::Driver => "driver",
            Self::Gfci => "gfci",
            Self::Storage => "storage",
            Self::Audit => "audit",
            Self::Info => "info",
        }
    }

    /// The category of that word.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|category| category.as_str() == word)
    }
}

/// Something that happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewEvent {
    /// When.
    pub ts_ms: i64,
    /// How grave.
    pub level: Level,
    /// About what.
    pub category: Category,
    /// A machine-readable word, such as `over_temperature`; at most [`NewEvent::MAX_KIND`] bytes.
    pub kind: String,
    /// A sentence for people; at most [`NewEvent::MAX_MESSAGE`] bytes.
    pub message: String,
    /// The details as JSON, if any; at most [`NewEvent::MAX_DATA`] bytes.
    pub data: Option<String>,
}

impl NewEvent {
    /// Longest `kind`, in bytes.
    pub const MAX_KIND: usize = 64;
    /// Longest `message`, in bytes.
    pub const MAX_MESSAGE: usize = 4096;
    /// Longest `data`, in bytes: old and new value of a settings section fit.
    pub const MAX_DATA: usize = 256 * 1024;

    /// Accepts the event if its texts are within bounds and `data` is JSON.
    ///
    /// # Errors
    ///
    /// [`StorageError::Invalid`] naming the first field that is not.
    pub fn validate(&self) -> Result<()> {
        bounded("an event's kind", &self.kind, 1, Self::MAX_KIND)?;
        bounded("an event's message", &self.message, 0, Self::MAX_MESSAGE)?;
        if let Some(data) = &self.data {
            bounded("an event's data", data, 0, Self::MAX_DATA)?;
            json("an event's data", data)?;
        }
        Ok(())
    }

    /// Whether the event must reach the disk at once: errors, and all that the watchdog says.
    #[must_use]
    pub fn is_urgent(&self) -> bool {
        self.level >= Level::Error || self.category == Category::Watchdog
    }
}

/// An event with its key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredEvent {
    /// Rises with each event appended; never used twice.
    pub seq: i64,
    /// The event.
    pub event: NewEvent,
}

/// Which events to read. The default asks for the newest 100.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EventQuery {
    /// Only events with a smaller `seq`: that of the last one of the page before.
    pub before: Option<i64>,
    /// At most this many.
    pub limit: u32,
    /// Only this grave or graver.
    pub min_level: Option<Level>,
    /// Only this category.
    pub category: Option<Category>,
    /// Only from this time on.
    pub from_ms: Option<i64>,
    /// Only before this time.
    pub to_ms: Option<i64>,
}

impl Default for EventQuery {
    fn default() -> Self {
        Self { before: None, limit: 100, min_level: None, category: None, from_ms: None, to_ms: None }
    }
}

/// A section of the settings, at one revision.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Setting {
    /// The section's name.
    pub section: String,
    /// 1 for the first value, one more for each change.
    pub revision: i64,
    /// The value as JSON.
    pub json: String,
    /// When this revision was written.
    pub updated_ms: i64,
    /// Who wrote it.
    pub updated_by: String,
}

/// A section's value to be written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewSetting {
    /// The section's name; at most [`NewSetting::MAX_SECTION`] bytes.
    pub section: String,
    /// The value as JSON; at most [`NewSetting::MAX_JSON`] bytes.
    pub json: String,
    /// `Some(r)`: only if the present revision is `r` (0: only if there is none). `None`: in any
    /// case.
    pub expected_revision: Option<i64>,
}

impl NewSetting {
    /// Longest `section`, in bytes.
    pub const MAX_SECTION: usize = 64;
    /// Longest `json`, in bytes.
    pub const MAX_JSON: usize = 1024 * 1024;

    pub(crate) fn validate(&self) -> Result<()> {
        bounded("a section's name", &self.section, 1, Self::MAX_SECTION)?;
        bounded("a section's value", &self.json, 1, Self::MAX_JSON)?;
        json("a section's value", &self.json)
    }
}

/// What a user may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Role {
    /// Everything.
    Administrator,
    /// The daily work.
    Operator,
}

impl Role {
    /// The word in the database and on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Administrator => "administrator",
            Self::Operator => "operator",
        }
    }

    /// The role of that word.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        [Self::Administrator, Self::Operator].into_iter().find(|role| role.as_str() == word)
    }
}

/// A user to be created.
#[derive(Clone, PartialEq, Eq)]
pub struct NewUser {
    /// Shown as written, found without regard to case.
    pub name: String,
    /// The hash, in PHC string format; this crate never sees a password.
    pub password_hash: String,
    /// What the user may do.
    pub role: Role,
}

impl NewUser {
    /// Longest name, in characters.
    pub const MAX_NAME: usize = 64;

    pub(crate) fn validate(&self) -> Result<()> {
        if self.name.trim() != self.name || self.name.chars().any(char::is_control) {
            return Err(StorageError::invalid(
                "a user's name must not begin or end with a space or hold control characters",
            ));
        }
        if !(1..=Self::MAX_NAME).contains(&self.name.chars().count()) {
            return Err(StorageError::invalid("a user's name must have 1 to 64 characters"));
        }
        password_hash(&self.password_hash)
    }
}

/// A user.
#[derive(Clone, PartialEq, Eq)]
pub struct User {
    /// The key.
    pub id: i64,
    /// As written at creation.
    pub name: String,
    /// The hash, in PHC string format.
    pub password_hash: String,
    /// What the user may do.
    pub role: Role,
    /// Whether the user may log in.
    pub enabled: bool,
    /// Counts changes of password, role and enabling; a session of an older one is void.
    pub generation: i64,
    /// When it was created.
    pub created_ms: i64,
    /// When it was last changed.
    pub updated_ms: i64,
}

// Debug output ends in logs, and a hash does not belong there.
impl std::fmt::Debug for NewUser {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("NewUser").field("name", &self.name).field("role", &self.role).finish_non_exhaustive()
    }
}

impl std::fmt::Debug for User {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("User")
            .field("id", &self.id)
            .field("name", &self.name)
            .field("role", &self.role)
            .field("enabled", &self.enabled)
            .field("generation", &self.generation)
            .finish_non_exhaustive()
    }
}

/// A login that lasts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    /// The key; at most [`Session::MAX_ID`] bytes.
    pub id: String,
    /// Whose it is.
    pub user_id: i64,
    /// The user's generation at login.
    pub generation: i64,
    /// When it began.
    pub created_ms: i64,
    /// When it ends.
    pub expires_ms: i64,
    /// Whether it was ended before.
    pub revoked: bool,
}

impl Session {
    /// Longest `id`, in bytes.
    pub const MAX_ID: usize = 128;

    /// Whether `user` may act by this session at `now_ms`.
    #[must_use]
    pub fn is_valid(&self, user: &User, now_ms: i64) -> bool {
        !self.revoked
            && now_ms < self.expires_ms
            && user.enabled
            && user.id == self.user_id
            && user.generation == self.generation
    }

    pub(crate) fn validate(&self) -> Result<()> {
        bounded("a session's id", &self.id, 1, Self::MAX_ID)
    }
}

/// Accepts a hash of sensible length; its form is the business of whoever verifies it.
pub(crate) fn password_hash(hash: &str) -> Result<()> {
    bounded("a password hash", hash, 1, 512)
}

/// Accepts the name of whoever changes a setting.
pub(crate) fn author(by: &str) -> Result<()> {
    if (1..=NewUser::MAX_NAME).contains(&by.chars().count()) {
        Ok(())
    } else {
        Err(StorageError::invalid("an author's name must have 1 to 64 characters"))
    }
}

/// Accepts a text of `min..=max` bytes.
pub(crate) fn bounded(what: &str, text: &str, min: usize, max: usize) -> Result<()> {
    if (min..=max).contains(&text.len()) {
        Ok(())
    } else {
        Err(StorageError::invalid(format!("{what} must have {min} to {max} bytes")))
    }
}

fn json(what: &str, text: &str) -> Result<()> {
    match serde_json::from_str::<serde_json::Value>(text) {
        Ok(_) => Ok(()),
        Err(_) => Err(StorageError::invalid(format!("{what} must be JSON"))),
    }
}
