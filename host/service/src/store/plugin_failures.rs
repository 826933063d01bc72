//! Plugins that failed as no plugin may: by ending their worker, or by panics. Kept until they finish a stage again, so that
//! whichever process is asked knows.

use sqlx::FromRow;

use super::Store;
use crate::clock::now_ms;
use crate::error::{Result, ServiceError};

/// A plugin that failed when it was last used.
#[derive(Debug, Clone, PartialEq, Eq, FromRow)]
pub struct PluginFailure {
    /// Its id.
    pub plugin: String,
    /// `worker_lost` or `panicked`.
    pub code: String,
    /// How, in words that anybody may read.
    pub reason: String,
    /// How often since it last finished a stage.
    pub num_times: i64,
    /// When it last did.
    pub failed_at: i64,
}

impl Store {
    /// Notes that a plugin failed once more.
    ///
    /// # Errors
    /// [`ServiceError::Database`].
    pub async fn note_plugin_failure(&self, plugin: &str, code: &str, reason: &str) -> Result<()> {
        let mut tx = self.begin().await?;
        sqlx::query(
            "INSERT INTO plugin_failures (plugin, code, reason, num_times, failed_at) VALUES ($1, $2, $3, 1, $4) \
             ON CONFLICT (plugin) DO UPDATE SET code = $2, reason = $3, failed_at = $4, \
             num_times = plugin_failures.num_times + 1",
        )
        .bind(plugin)
        .bind(code)
        .bind(reason)
        .bind(now_ms())
        .execute(tx.db())
        .await
        .map_err(ServiceError::database("note that a plugin failed"))?;
        tx.commit().await
    }

    /// Forgets the failures of a plugin, which works again.
    ///
    /// # Errors
    /// [`ServiceError::Database`].
    pub async fn forget_plugin_failures(&self, plugin: &str) -> Result<()> {
        let mut tx = self.begin().await?;
        sqlx::query("DELETE FROM plugin_failures WHERE plugin = $1")
            .bind(plugin)
            .execute(tx.db())
            .await
            .map_err(ServiceError::database("forget that a plugin failed"))?;
        tx.commit().await
    }

    /// Plugins that failed when they were last used, by id.
    ///
    /// # Errors
    /// [`ServiceError::Database`].
    pub async fn plugin_failures(&self) -> Result<Vec<PluginFailure>> {
        sqlx::query_as("SELECT * FROM plugin_failures ORDER BY plugin")
            .fetch_all(self.reader())
            .await
            .map_err(ServiceError::database("list plugins that failed"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn failures_are_counted_until_the_plugin_works() {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite://{}?mode=rwc", folder.path().join("service.sqlite3").display());
        let store = Store::open(&url).await.unwrap();
        store.note_plugin_failure("b", "worker_lost", "signal 6").await.unwrap();
        store.note_plugin_failure("a", "panicked", "panicked").await.unwrap();
        store.note_plugin_failure("b", "worker_lost", "signal 11").await.unwrap();
        let told = |failures: Vec<PluginFailure>| {
            failures.into_iter().map(|failure| (failure.plugin, failure.reason, failure.num_times)).collect::<Vec<_>>()
        };
        let [a, b] = [("a".to_owned(), "panicked".to_owned(), 1), ("b".to_owned(), "signal 11".to_owned(), 2)];
        assert_eq!(told(store.plugin_failures().await.unwrap()), [a.clone(), b]);
        store.forget_plugin_failures("b").await.unwrap();
        assert_eq!(told(store.plugin_failures().await.unwrap()), [a]);
    }
}
