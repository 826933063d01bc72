//! Lists come in pages: so many at a time, from behind the last one seen.

use serde::Deserialize;
use utoipa::IntoParams;

const DEFAULT_LIMIT: i64 = 50;
const MAX_LIMIT: i64 = 500;

/// Which part of a list.
#[derive(Debug, Clone, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct PageQuery {
    /// How many; 50 by default.
    #[param(minimum = 1, maximum = 500)]
    pub limit: Option<i64>,
    /// `next` of the page before.
    #[param(max_length = 200)]
    pub after: Option<String>,
}

impl PageQuery {
    /// How many to read: one more tells whether there is a next page.
    #[must_use]
    pub fn num_read(&self) -> i64 {
        self.limit() + 1
    }

    /// Empty for the first page.
    #[must_use]
    pub fn after(&self) -> &str {
        self.after.as_deref().unwrap_or_default()
    }

    /// Cuts what was read to the page; with the `after` of the next one.
    pub fn cut<T>(&self, read: &mut Vec<T>, key: impl Fn(&T) -> &str) -> Option<String> {
        let num_wanted = usize::try_from(self.limit()).unwrap_or_default();
        let is_more = read.len() > num_wanted;
        read.truncate(num_wanted);
        read.last().filter(|_| is_more).map(|last| key(last).to_owned())
    }

    fn limit(&self) -> i64 {
        self.limit.unwrap_or(DEFAULT_LIMIT).clamp(1, MAX_LIMIT)
    }
}
