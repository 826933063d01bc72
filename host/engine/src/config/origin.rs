//! Where a value of the config comes from.

use std::fmt;

/// Where a value of the config comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// Nobody wrote it: the host's or the plugin's default.
    Default,
    /// The config file.
    File {
        /// The file as it was named.
        file: String,
        /// Line, from 1.
        line: usize,
        /// Column in characters, from 1.
        column: usize,
    },
    /// An environment variable `SCENE3D_SET_...`.
    Environment {
        /// Its name.
        variable: String,
    },
    /// `--set key=value`.
    Set {
        /// What was written behind `--set`.
        assignment: String,
    },
}

impl fmt::Display for Origin {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => formatter.write_str("default"),
            Self::File { file, line, column } => write!(formatter, "{file}:{line}:{column}"),
            Self::Environment { variable } => write!(formatter, "environment {variable}"),
            Self::Set { assignment } => write!(formatter, "--set {assignment}"),
        }
    }
}
