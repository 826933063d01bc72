-- plugins that ended their workers or panicked, and have not finished a stage since; whichever process ran them
CREATE TABLE plugin_failures (
    plugin    TEXT   NOT NULL PRIMARY KEY,
    code      TEXT   NOT NULL,
    reason    TEXT   NOT NULL,
    num_times BIGINT NOT NULL,
    failed_at BIGINT NOT NULL
);
