//! Options of the service: `serve` and `user`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

/// Options of `serve`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  scene3d serve
  scene3d serve --config serve.toml --log-format json
  scene3d serve --bind 127.0.0.1:9000 --data-dir /srv/scene3d

Users log in that `scene3d user add` made. The page is at its address, the API's documents at /api/docs.")]
pub struct ServeArgs {
    #[command(flatten)]
    pub store: StoreArgs,
    /// Address and port; port 0 takes a free one, printed at the start. Addresses that others can reach need a file of
    /// secrets, and TLS or a proxy that ends it (see serve.toml).
    #[arg(long, value_name = "ADDRESS:PORT")]
    pub bind: Option<String>,
    /// How log lines are written, on stderr.
    #[arg(long, value_enum, default_value_t = LogFormat::Text)]
    pub log_format: LogFormat,
}

/// Which service.
#[derive(Debug, Args)]
pub struct StoreArgs {
    /// Config file of the service; every key has a default.
    #[arg(short, long, value_name = "FILE", env = "SCENE3D_SERVE_CONFIG")]
    pub config: Option<PathBuf>,
    /// Folder of everything that it keeps.
    #[arg(long, value_name = "FOLDER")]
    pub data_dir: Option<PathBuf>,
}

/// How log lines are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line, for machines.
    Json,
}

/// What to do with users.
#[derive(Debug, Subcommand)]
pub enum UserCommand {
    /// Add a user; the password is asked for, or read from stdin.
    #[command(after_help = "Examples:
  scene3d user add ann
  scene3d user add root --scopes admin < password.txt")]
    Add(NewUserArgs),
    /// List the users.
    List {
        #[command(flatten)]
        store: StoreArgs,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Accept nothing of a user any more.
    Disable {
        /// His name.
        name: String,
        #[command(flatten)]
        store: StoreArgs,
    },
    /// Accept a user again.
    Enable {
        /// His name.
        name: String,
        #[command(flatten)]
        store: StoreArgs,
    },
    /// Give a user another password; it is asked for, or read from stdin.
    Passwd {
        /// His name.
        name: String,
        #[command(flatten)]
        store: StoreArgs,
    },
    /// Add, list and revoke API keys.
    #[command(subcommand)]
    Key(KeyCommand),
}

/// Options of `user add`.
#[derive(Debug, Args)]
pub struct NewUserArgs {
    /// What he logs in by.
    pub name: String,
    /// What he may do: jobs:read, jobs:write, admin.
    #[arg(long, value_name = "SCOPES", default_value = "jobs:read,jobs:write")]
    pub scopes: String,
    #[command(flatten)]
    pub store: StoreArgs,
}

/// What to do with API keys.
#[derive(Debug, Subcommand)]
pub enum KeyCommand {
    /// Make a key and print it; it can't be shown again.
    Add(NewKeyArgs),
    /// List the keys of a user.
    List {
        /// Whose.
        user: String,
        #[command(flatten)]
        store: StoreArgs,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// End a key.
    Revoke {
        /// Its id, `key_...`.
        id: String,
        #[command(flatten)]
        store: StoreArgs,
    },
}

/// Options of `user key add`.
#[derive(Debug, Args)]
pub struct NewKeyArgs {
    /// Whose.
    pub user: String,
    /// What it is for, for people.
    #[arg(long, default_value = "")]
    pub label: String,
    /// What it lets its bearer do; by default what its user may.
    #[arg(long, value_name = "SCOPES", default_value = "")]
    pub scopes: String,
    #[command(flatten)]
    pub store: StoreArgs,
}
