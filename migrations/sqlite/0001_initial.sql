-- The first schema. Units stand in the names: ms, w, wh; temperatures (t1, t2) are °F, v in volts,
-- i in amperes. `_raw` is what the driver gave, the bare name what calibration made of it.

-- One row a recording interval. `seq` is the order of arrival; `ts_ms` may repeat or step back.
-- `states`: bits 0-3 relays inside1, outside1, inside2, outside2 closed; bits 4-5 circuits 1, 2 on.
CREATE TABLE measurements (
    seq          INTEGER PRIMARY KEY,
    ts_ms        INTEGER NOT NULL,
    dt_ms        INTEGER NOT NULL,
    measured1_ms INTEGER NOT NULL,
    measured2_ms INTEGER NOT NULL,
    v1_raw REAL, i1_raw REAL, t1_raw REAL,
    v2_raw REAL, i2_raw REAL, t2_raw REAL,
    v1 REAL, i1 REAL, t1 REAL,
    v2 REAL, i2 REAL, t2 REAL,
    power1_w     REAL,
    power2_w     REAL,
    energy1_wh   REAL NOT NULL,
    energy2_wh   REAL NOT NULL,
    states       INTEGER NOT NULL
) STRICT;
CREATE INDEX measurements_by_time ON measurements (ts_ms);

-- AUTOINCREMENT: a key is never used twice, not even after the newest event was deleted.
CREATE TABLE events (
    seq      INTEGER PRIMARY KEY AUTOINCREMENT,
    ts_ms    INTEGER NOT NULL,
    level    TEXT NOT NULL,
    category TEXT NOT NULL,
    kind     TEXT NOT NULL,
    message  TEXT NOT NULL,
    data     TEXT
) STRICT;
CREATE INDEX events_by_time ON events (ts_ms);

CREATE TABLE settings (
    section    TEXT NOT NULL PRIMARY KEY,
    revision   INTEGER NOT NULL,
    json       TEXT NOT NULL,
    updated_ms INTEGER NOT NULL,
    updated_by TEXT NOT NULL
) STRICT;

-- The values that `settings` held before, each with the time and author of its own writing.
CREATE TABLE settings_history (
    section    TEXT NOT NULL,
    revision   INTEGER NOT NULL,
    json       TEXT NOT NULL,
    updated_ms INTEGER NOT NULL,
    updated_by TEXT NOT NULL,
    PRIMARY KEY (section, revision)
) STRICT;

-- `name_key` is the name in lower case.
CREATE TABLE users (
    id            INTEGER PRIMARY KEY AUTOINCREMENT,
    name          TEXT NOT NULL,
    name_key      TEXT NOT NULL UNIQUE,
    password_hash TEXT NOT NULL,
    role          TEXT NOT NULL,
    enabled       INTEGER NOT NULL,
    generation    INTEGER NOT NULL,
    created_ms    INTEGER NOT NULL,
    updated_ms    INTEGER NOT NULL
) STRICT;

CREATE TABLE sessions (
    id         TEXT NOT NULL PRIMARY KEY,
    user_id    INTEGER NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    generation INTEGER NOT NULL,
    created_ms INTEGER NOT NULL,
    expires_ms INTEGER NOT NULL,
    revoked    INTEGER NOT NULL
) STRICT;
CREATE INDEX sessions_by_user ON sessions (user_id);
