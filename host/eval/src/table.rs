//! Labels and values in two aligned columns.

use std::fmt;

/// Rows of a label and a value.
#[derive(Default)]
pub(crate) struct Table(Vec<(String, String)>);

impl Table {
    pub(crate) fn row(&mut self, label: &str, value: String) {
        self.0.push((label.to_owned(), value));
    }

    /// A row only where there is a value.
    pub(crate) fn optional(&mut self, label: &str, value: Option<String>) {
        if let Some(value) = value {
            self.row(label, value);
        }
    }
}

impl fmt::Display for Table {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let width = self.0.iter().map(|(label, _)| label.chars().count()).max().unwrap_or(0);
        for (label, value) in &self.0 {
            writeln!(formatter, "{label:width$}  {value}")?;
        }
        Ok(())
    }
}
