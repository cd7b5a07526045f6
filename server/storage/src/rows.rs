//! Between rows and types: each table's columns, in one order for writing and reading.

use crate::dialect::{Dialect, Value};
use crate::error::{Result, StorageError};
use crate::model::{
    Category, Level, Measurement, NewEvent, Role, Session, Setting, StoredEvent, StoredMeasurement, User,
};

pub(crate) const MEASUREMENT_COLUMNS: &str = "ts_ms, dt_ms, measured1_ms, measured2_ms, \
     v1_raw, i1_raw, t1_raw, v2_raw, i2_raw, t2_raw, v1, i1, t1, v2, i2, t2, \
     power1_w, power2_w, energy1_wh, energy2_wh, states";
pub(crate) const EVENT_COLUMNS: &str = "ts_ms, level, category, kind, message, data";
pub(crate) const SETTING_COLUMNS: &str = "section, revision, json, updated_ms, updated_by";
pub(crate) const USER_COLUMNS: &str = "id, name, password_hash, role, enabled, generation, created_ms, updated_ms";
pub(crate) const SESSION_COLUMNS: &str = "id, user_id, generation, created_ms, expires_ms, revoked";

/// A row, read from left to right.
pub(crate) struct Reader<'r, DB: Dialect> {
    row: &'r DB::Row,
    next: usize,
}

impl<'r, DB: Dialect> Reader<'r, DB> {
    pub(crate) fn new(row: &'r DB::Row) -> Self {
        Self { row, next: 0 }
    }

    fn step(&mut self) -> usize {
        self.next += 1;
        self.next - 1
    }

    pub(crate) fn int_or_null(&mut self) -> Result<Option<i64>> {
        let index = self.step();
        Ok(DB::int(self.row, index)?)
    }

    pub(crate) fn int(&mut self) -> Result<i64> {
        self.int_or_null()?.ok_or_else(unexpected_null)
    }

    pub(crate) fn real_or_null(&mut self) -> Result<Option<f64>> {
        let index = self.step();
        Ok(DB::real(self.row, index)?)
    }

    pub(crate) fn real(&mut self) -> Result<f64> {
        self.real_or_null()?.ok_or_else(unexpected_null)
    }

    fn text_or_null(&mut self) -> Result<Option<String>> {
        let index = self.step();
        Ok(DB::text(self.row, index)?)
    }

    fn text(&mut self) -> Result<String> {
        self.text_or_null()?.ok_or_else(unexpected_null)
    }

    /// A word that `parse` knows.
    fn word<T>(&mut self, what: &str, parse: impl Fn(&str) -> Option<T>) -> Result<T> {
        parse(&self.text()?).ok_or_else(|| StorageError::corrupt(format!("an unknown {what}")))
    }
}

fn unexpected_null() -> StorageError {
    StorageError::corrupt("a value is missing")
}

/// The values of [`MEASUREMENT_COLUMNS`].
pub(crate) fn measurement_values<'a>(row: &'a Measurement, values: &mut Vec<Value<'a>>) {
    values.extend([row.ts_ms, row.dt_ms, row.measured_ms[0], row.measured_ms[1]].map(Value::Int));
    values.extend(row.raw.map(Value::from));
    values.extend(row.calibrated.map(Value::from));
    values.extend(row.power_w.map(Value::from));
    values.extend(row.energy_wh.map(Value::Real));
    values.push(Value::Int(pack_states(row)));
}

/// Reads `seq` and [`MEASUREMENT_COLUMNS`].
pub(crate) fn read_measurement<DB: Dialect>(row: &DB::Row) -> Result<StoredMeasurement> {
    let mut reader = Reader::<DB>::new(row);
    let seq = reader.int()?;
    let mut measurement = Measurement {
        ts_ms: reader.int()?,
        dt_ms: reader.int()?,
        measured_ms: [reader.int()?, reader.int()?],
        ..Measurement::default()
    };
    for value in &mut measurement.raw {
        *value = reader.real_or_null()?;
    }
    for value in &mut measurement.calibrated {
        *value = reader.real_or_null()?;
    }
    measurement.power_w = [reader.real_or_null()?, reader.real_or_null()?];
    measurement.energy_wh = [reader.real()?, reader.real()?];
    unpack_states(reader.int()?, &mut measurement);
    Ok(StoredMeasurement { seq, measurement })
}

/// Bits 0-3: the relays; bits 4-5: the circuits.
fn pack_states(row: &Measurement) -> i64 {
    row.relays.iter().chain(&row.on).enumerate().map(|(bit, &set)| i64::from(set) << bit).sum()
}

fn unpack_states(states: i64, row: &mut Measurement) {
    for (bit, set) in row.relays.iter_mut().chain(&mut row.on).enumerate() {
        *set = (states >> bit) & 1 == 1;
    }
}

/// The values of [`EVENT_COLUMNS`].
pub(crate) fn event_values<'a>(event: &'a NewEvent, values: &mut Vec<Value<'a>>) {
    values.extend([
        event.ts_ms.into(),
        event.level.as_str().into(),
        event.category.as_str().into(),
        event.kind.as_str().into(),
        event.message.as_str().into(),
        event.data.as_deref().into(),
    ]);
}

/// Reads `seq` and [`EVENT_COLUMNS`].
pub(crate) fn read_event<DB: Dialect>(row: &DB::Row) -> Result<StoredEvent> {
    let mut reader = Reader::<DB>::new(row);
    Ok(StoredEvent {
        seq: reader.int()?,
        event: NewEvent {
            ts_ms: reader.int()?,
            level: reader.word("level", Level::parse)?,
            category: reader.word("category", Category::parse)?,
            kind: reader.text()?,
            message: reader.text()?,
            data: reader.text_or_null()?,
        },
    })
}

/// Reads [`SETTING_COLUMNS`].
pub(crate) fn read_setting<DB: Dialect>(row: &DB::Row) -> Result<Setting> {
    let mut reader = Reader::<DB>::new(row);
    Ok(Setting {
        section: reader.text()?,
        revision: reader.int()?,
        json: reader.text()?,
        updated_ms: reader.int()?,
        updated_by: reader.text()?,
    })
}

/// Reads [`USER_COLUMNS`].
pub(crate) fn read_user<DB: Dialect>(row: &DB::Row) -> Result<User> {
    let mut reader = Reader::<DB>::new(row);
    Ok(User {
        id: reader.int()?,
        name: reader.text()?,
        password_hash: reader.text()?,
        role: reader.word("role", Role::parse)?,
        enabled: reader.int()? != 0,
        generation: reader.int()?,
        created_ms: reader.int()?,
        updated_ms: reader.int()?,
    })
}

/// Reads [`SESSION_COLUMNS`].
pub(crate) fn read_session<DB: Dialect>(row: &DB::Row) -> Result<Session> {
    let mut reader = Reader::<DB>::new(row);
    Ok(Session {
        id: reader.text()?,
        user_id: reader.int()?,
        generation: reader.int()?,
        created_ms: reader.int()?,
        expires_ms: reader.int()?,
        revoked: reader.int()? != 0,
    })
}
