//! User mistakes found when a config is checked, all of them together.

use std::fmt;

use scene3d_abi::ErrorCode;

use crate::config::Origin;

/// One mistake: where it stands, what it is and what to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Kind of mistake.
    pub code: ErrorCode,
    /// Where it was written, if it was.
    pub origin: Option<Origin>,
    /// What is wrong, expected and got.
    pub message: String,
    /// What to try; may be empty.
    pub help: String,
}

impl Problem {
    /// A mistake that stands nowhere in particular.
    pub fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        Self { code, origin: None, message: message.into(), help: String::new() }
    }

    /// Adds where it was written.
    #[must_use]
    pub fn at(mut self, origin: &Origin) -> Self {
        self.origin = Some(origin.clone());
        self
    }

    /// Adds what to try.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = help.into();
        self
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(origin) = &self.origin {
            write!(formatter, "{origin}: ")?;
        }
        formatter.write_str(&self.message)?;
        for line in self.help.lines() {
            write!(formatter, "\n    help: {line}")?;
        }
        Ok(())
    }
}

/// At least one mistake.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problems(pub Vec<Problem>);

impl Problems {
    /// The code of them all: that of the first.
    #[must_use]
    pub fn code(&self) -> ErrorCode {
        self.0.first().map_or(ErrorCode::INTERNAL, |problem| problem.code)
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let plural = if self.0.len() == 1 { "" } else { "s" };
        write!(formatter, "{} problem{plural} found before anything was run", self.0.len())?;
        for problem in &self.0 {
            write!(formatter, "\n  {problem}")?;
        }
        Ok(())
    }
}

impl From<Problem> for Problems {
    fn from(problem: Problem) -> Self {
        Self(vec![problem])
    }
}
