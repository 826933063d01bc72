//! `[executor]`

use std::path::PathBuf;

use serde::Deserialize;

/// Who reconstructs.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ExecutorSection {
    /// `local` or `ray`.
    pub kind: ExecutorKind,
    /// URL of the application of Ray Serve, with its route prefix.
    pub url: Option<String>,
    /// File with the token that the application wants.
    pub token_file: Option<PathBuf>,
    /// URL of the cluster's dashboard, where the application is started if it is not there.
    pub dashboard_url: Option<String>,
    /// File with the application's entry in Ray Serve's config, JSON.
    pub application: Option<PathBuf>,
}

/// Kinds of executors.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ExecutorKind {
    /// Child processes of the server.
    #[default]
    Local,
    /// A Ray cluster.
    Ray,
}
