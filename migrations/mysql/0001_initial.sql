-- The first schema; the same tables and meanings as SQLite's, described there. MySQL commits each
-- statement that defines something, so that a power cut can leave a migration half done: every
-- statement in this folder must be repeatable (IF NOT EXISTS), for it will be repeated.

CREATE TABLE IF NOT EXISTS measurements (
    seq          BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY,
    ts_ms        BIGINT NOT NULL,
    dt_ms        BIGINT NOT NULL,
    measured1_ms BIGINT NOT NULL,
    measured2_ms BIGINT NOT NULL,
    v1_raw DOUBLE, i1_raw DOUBLE, t1_raw DOUBLE,
    v2_raw DOUBLE, i2_raw DOUBLE, t2_raw DOUBLE,
    v1 DOUBLE, i1 DOUBLE, t1 DOUBLE,
    v2 DOUBLE, i2 DOUBLE, t2 DOUBLE,
    power1_w     DOUBLE,
    power2_w     DOUBLE,
    energy1_wh   DOUBLE NOT NULL,
    energy2_wh   DOUBLE NOT NULL,
    states       BIGINT NOT NULL,
    INDEX measurements_by_time (ts_ms)
) ENGINE = InnoDB;

CREATE TABLE IF NOT EXISTS events (
    seq      BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY,
    ts_ms    BIGINT NOT NULL,
    level    VARCHAR(16) NOT NULL,
    category VARCHAR(32) NOT NULL,
    kind     VARCHAR(64) NOT NULL,
    message  TEXT NOT NULL,
    data     MEDIUMTEXT,
    INDEX events_by_time (ts_ms)
) ENGINE = InnoDB CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

CREATE TABLE IF NOT EXISTS settings (
    section    VARCHAR(64) NOT NULL PRIMARY KEY,
    revision   BIGINT NOT NULL,
    json       MEDIUMTEXT NOT NULL,
    updated_ms BIGINT NOT NULL,
    updated_by VARCHAR(64) NOT NULL
) ENGINE = InnoDB CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

CREATE TABLE IF NOT EXISTS settings_history (
    section    VARCHAR(64) NOT NULL,
    revision   BIGINT NOT NULL,
    json       MEDIUMTEXT NOT NULL,
    updated_ms BIGINT NOT NULL,
    updated_by VARCHAR(64) NOT NULL,
    PRIMARY KEY (section, revision)
) ENGINE = InnoDB CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

CREATE TABLE IF NOT EXISTS users (
    id            BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY,
    name          VARCHAR(64) NOT NULL,
    name_key      VARCHAR(192) NOT NULL,
    password_hash VARCHAR(512) NOT NULL,
    role          VARCHAR(32) NOT NULL,
    enabled       BIGINT NOT NULL,
    generation    BIGINT NOT NULL,
    created_ms    BIGINT NOT NULL,
    updated_ms    BIGINT NOT NULL,
    UNIQUE INDEX users_by_name_key (name_key)
) ENGINE = InnoDB CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

CREATE TABLE IF NOT EXISTS sessions (
    id         VARCHAR(128) NOT NULL PRIMARY KEY,
    user_id    BIGINT NOT NULL,
    generation BIGINT NOT NULL,
    created_ms BIGINT NOT NULL,
    expires_ms BIGINT NOT NULL,
    revoked    BIGINT NOT NULL,
    INDEX sessions_by_user (user_id),
    CONSTRAINT sessions_user FOREIGN KEY (user_id) REFERENCES users (id) ON DELETE CASCADE
) ENGINE = InnoDB CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
