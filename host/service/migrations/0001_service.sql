-- The service's state. One text for SQLite and PostgreSQL: times are milliseconds since the epoch, ids and JSON are text.
CREATE TABLE users (
    id             TEXT   NOT NULL PRIMARY KEY,
    name           TEXT   NOT NULL UNIQUE,
    password_hash  TEXT   NOT NULL,
    scopes         TEXT   NOT NULL,
    webhook_secret TEXT   NOT NULL,
    disabled       BIGINT NOT NULL DEFAULT 0,
    created_at     BIGINT NOT NULL
);

CREATE TABLE api_keys (
    id            TEXT   NOT NULL PRIMARY KEY,
    user_id       TEXT   NOT NULL REFERENCES users (id),
    label         TEXT   NOT NULL,
    secret_sha256 TEXT   NOT NULL,
    scopes        TEXT   NOT NULL,
    created_at    BIGINT NOT NULL,
    revoked_at    BIGINT
);

-- a family is all that came of one log-in: a token used twice ends all of it (RFC 9700, 4.14.2)
CREATE TABLE refresh_tokens (
    sha256     TEXT   NOT NULL PRIMARY KEY,
    family     TEXT   NOT NULL,
    user_id    TEXT   NOT NULL REFERENCES users (id),
    scopes     TEXT   NOT NULL,
    expires_at BIGINT NOT NULL,
    used_at    BIGINT,
    revoked_at BIGINT
);
CREATE INDEX refresh_tokens_by_family ON refresh_tokens (family);

-- an image file, stored once whoever uploaded it
CREATE TABLE images (
    sha256     TEXT   NOT NULL PRIMARY KEY,
    bytes      BIGINT NOT NULL,
    width      BIGINT NOT NULL,
    height     BIGINT NOT NULL,
    statistics TEXT   NOT NULL,
    created_at BIGINT NOT NULL
);

-- who may use an image: whoever uploaded it
CREATE TABLE user_images (
    user_id    TEXT   NOT NULL REFERENCES users (id),
    sha256     TEXT   NOT NULL REFERENCES images (sha256),
    created_at BIGINT NOT NULL,
    PRIMARY KEY (user_id, sha256)
);
CREATE INDEX user_images_by_sha256 ON user_images (sha256);

CREATE TABLE uploads (
    id             TEXT   NOT NULL PRIMARY KEY,
    user_id        TEXT   NOT NULL REFERENCES users (id),
    filename       TEXT   NOT NULL,
    metadata       TEXT   NOT NULL,
    declared_bytes BIGINT,
    received_bytes BIGINT NOT NULL,
    state          TEXT   NOT NULL,
    problem        TEXT,
    created_at     BIGINT NOT NULL,
    expires_at     BIGINT NOT NULL
);
CREATE INDEX uploads_by_user ON uploads (user_id, created_at);
CREATE INDEX uploads_by_expiry ON uploads (expires_at);

CREATE TABLE upload_images (
    upload_id TEXT NOT NULL REFERENCES uploads (id),
    name      TEXT NOT NULL,
    sha256    TEXT NOT NULL REFERENCES images (sha256),
    PRIMARY KEY (upload_id, name)
);
CREATE INDEX upload_images_by_sha256 ON upload_images (sha256);

CREATE TABLE jobs (
    id               TEXT   NOT NULL PRIMARY KEY,
    user_id          TEXT   NOT NULL REFERENCES users (id),
    state            TEXT   NOT NULL,
    stage            TEXT,
    config_name      TEXT   NOT NULL,
    config_toml      TEXT   NOT NULL,
    webhook_url      TEXT,
    idempotency_key  TEXT,
    request_sha256   TEXT   NOT NULL,
    retry_of         TEXT,
    created_at       BIGINT NOT NULL,
    started_at       BIGINT,
    ended_at         BIGINT,
    attempts         BIGINT NOT NULL DEFAULT 0,
    worker_deaths    BIGINT NOT NULL DEFAULT 0,
    cancel_requested BIGINT NOT NULL DEFAULT 0,
    last_seq         BIGINT NOT NULL DEFAULT 0,
    tracker          TEXT   NOT NULL,
    drift            TEXT,
    outcome          TEXT,
    failure          TEXT,
    num_images       BIGINT NOT NULL,
    num_bytes        BIGINT NOT NULL,
    stored_bytes     BIGINT NOT NULL DEFAULT 0
);
CREATE UNIQUE INDEX jobs_by_idempotency_key ON jobs (user_id, idempotency_key);
CREATE INDEX jobs_by_state ON jobs (state, created_at, id);
CREATE INDEX jobs_by_user ON jobs (user_id, created_at, id);

CREATE TABLE job_images (
    job_id   TEXT   NOT NULL REFERENCES jobs (id) ON DELETE CASCADE,
    position BIGINT NOT NULL,
    name     TEXT   NOT NULL,
    sha256   TEXT   NOT NULL REFERENCES images (sha256),
    PRIMARY KEY (job_id, position)
);
CREATE INDEX job_images_by_sha256 ON job_images (sha256);

-- what happened to a job, numbered without gaps in the order in which it was committed
CREATE TABLE job_events (
    job_id TEXT   NOT NULL REFERENCES jobs (id) ON DELETE CASCADE,
    seq    BIGINT NOT NULL,
    at     BIGINT NOT NULL,
    kind   TEXT   NOT NULL,
    body   TEXT   NOT NULL,
    PRIMARY KEY (job_id, seq)
);

CREATE TABLE artifacts (
    job_id     TEXT   NOT NULL REFERENCES jobs (id) ON DELETE CASCADE,
    name       TEXT   NOT NULL,
    bytes      BIGINT NOT NULL,
    sha256     TEXT   NOT NULL,
    media_type TEXT   NOT NULL,
    object_key TEXT   NOT NULL,
    PRIMARY KEY (job_id, name)
);

CREATE TABLE webhook_deliveries (
    id              TEXT   NOT NULL PRIMARY KEY,
    job_id          TEXT   NOT NULL,
    user_id         TEXT   NOT NULL REFERENCES users (id),
    url             TEXT   NOT NULL,
    body            TEXT   NOT NULL,
    state           TEXT   NOT NULL,
    attempts        BIGINT NOT NULL DEFAULT 0,
    next_attempt_at BIGINT NOT NULL,
    last_error      TEXT,
    created_at      BIGINT NOT NULL
);
CREATE INDEX webhook_deliveries_by_state ON webhook_deliveries (state, next_attempt_at);

-- who runs jobs (`worker`); the row `queue` is locked by whoever counts jobs before adding one
CREATE TABLE leases (
    name       TEXT   NOT NULL PRIMARY KEY,
    holder     TEXT   NOT NULL,
    renewed_at BIGINT NOT NULL
);
INSERT INTO leases (name, holder, renewed_at) VALUES ('queue', '', 0);
