//! Tells the ends of jobs by signed calls, tried again with growing pauses, listed as dead in the end.

use std::time::Duration;

use reqwest::Client;
use reqwest::redirect::Policy;
use scene3d_monitor::metrics::Metrics;
use std::sync::Arc;
use tokio_util::sync::CancellationToken;

use super::public_address::{PublicResolver, check_url};
use crate::clock::now_ms;
use crate::config::WebhooksSection;
use crate::error::{Result, ServiceError};
use crate::store::Store;
use crate::store::webhooks::{Attempt, Delivery, signature};

/// How often is looked for calls that are due.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Calls made at a time.
const MAX_AT_ONCE: i64 = 16;

/// Longest pause between two attempts.
const MAX_PAUSE_MS: i64 = 6 * 3600 * 1000;

/// `t=SECONDS,v1=HEX`, see [`signature`].
const SIGNATURE: &str = "x-scene3d-signature";

/// Makes the calls that are due.
#[derive(Debug)]
pub struct Caller {
    store: Store,
    section: WebhooksSection,
    client: Client,
    metrics: Arc<Metrics>,
}

impl Caller {
    /// Of a store.
    ///
    /// # Errors
    /// [`ServiceError::Internal`] if there can be no HTTP client.
    pub fn new(store: Store, section: WebhooksSection, metrics: Arc<Metrics>) -> Result<Self> {
        let client = Client::builder()
            // a redirect or a proxy would lead past the check of the address
            .redirect(Policy::none())
            .no_proxy()
            .timeout(Duration::from_secs(section.timeout_secs))
            .dns_resolver(Arc::new(PublicResolver { allow_private: section.allow_private }))
            .user_agent(concat!("scene3d/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(|error| ServiceError::Internal(format!("webhooks can't be called: {error}")))?;
        Ok(Self { store, section, client, metrics })
    }

    /// Makes calls until it is cancelled.
    pub async fn run(&self, stop: CancellationToken) {
        while stop.run_until_cancelled(tokio::time::sleep(LOOK_EVERY)).await.is_some() {
            if let Err(error) = self.call_due().await {
                tracing::warn!(%error, "webhooks are called later");
            }
        }
    }

    async fn call_due(&self) -> Result<()> {
        let due = self.store.due_deliveries(MAX_AT_ONCE).await?;
        let calls = due.iter().map(|(delivery, secret)| self.call(delivery, secret));
        for (attempt, (delivery, _)) in futures::future::join_all(calls).await.into_iter().zip(&due) {
            let outcome = match &attempt {
                Attempt::Delivered => "delivered",
                Attempt::Again { .. } => "retried",
                Attempt::Dead { .. } => "dead",
            };
            self.metrics.uploads.webhook(outcome);
            self.store.note_attempt(&delivery.id, &attempt).await?;
        }
        Ok(())
    }

    async fn call(&self, delivery: &Delivery, secret: &str) -> Attempt {
        match self.send(delivery, secret).await {
            Ok(()) => Attempt::Delivered,
            Err(error) if delivery.attempts + 1 >= self.section.max_attempts => Attempt::Dead { error },
            Err(error) => Attempt::Again { at: now_ms() + pause_ms(self.section, delivery.attempts), error },
        }
    }

    async fn send(&self, delivery: &Delivery, secret: &str) -> Result<(), String> {
        let url = check_url(&delivery.url, self.section.allow_private)?;
        let at_secs = now_ms() / 1000;
        let signed = format!("t={at_secs},v1={}", signature(secret, at_secs, &delivery.body));
        let request = self
            .client
            .post(url)
            .header("content-type", "application/json")
            .header("x-scene3d-delivery", &delivery.id)
            .header(SIGNATURE, signed)
            .body(delivery.body.clone());
        let answer = request.send().await.map_err(|error| described(&error))?;
        if answer.status().is_success() { Ok(()) } else { Err(format!("answered {}, expected 2xx", answer.status())) }
    }
}

fn pause_ms(section: WebhooksSection, attempts: i64) -> i64 {
    let first_ms = i64::try_from(section.first_retry_secs).unwrap_or(i64::MAX).saturating_mul(1000);
    let doubled = 1_i64.checked_shl(u32::try_from(attempts).unwrap_or(u32::MAX)).filter(|factor| *factor > 0);
    first_ms.saturating_mul(doubled.unwrap_or(i64::MAX)).min(MAX_PAUSE_MS)
}

/// The innermost cause tells what happened; the outer ones repeat the URL.
fn described(error: &reqwest::Error) -> String {
    let mut cause: &dyn std::error::Error = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    cause.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_six_hours() {
        let section = WebhooksSection { first_retry_secs: 5, ..WebhooksSection::default() };
        assert_eq!([0, 1, 2, 3].map(|attempts| pause_ms(section, attempts)), [5_000, 10_000, 20_000, 40_000]);
        assert_eq!([30, 62, 63, 64, 1000].map(|attempts| pause_ms(section, attempts)), [MAX_PAUSE_MS; 5]);
    }
}
