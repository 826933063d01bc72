//! Something wrong with the data, with where it is and what to do.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Something wrong with the data.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Problem {
    /// Where: dataset, collection and image, as far as it can be told, `/`-separated.
    pub place: String,
    /// What is wrong.
    pub what: String,
    /// What to do.
    pub advice: String,
}

impl Problem {
    pub(crate) fn new(place: impl Into<String>, what: impl Into<String>, advice: impl Into<String>) -> Self {
        Self { place: place.into(), what: what.into(), advice: advice.into() }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}: {}", self.place, self.what)?;
        if self.advice.is_empty() { Ok(()) } else { write!(formatter, "; {}", self.advice) }
    }
}
