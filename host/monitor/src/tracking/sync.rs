//! Sends what a spool holds, now and in this thread.

use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use super::config::TrackingConfig;
use super::mlflow::Mlflow;
use super::send::{Passed, Sender};
use super::spool::Spool;
use super::status::{Tally, TrackingStatus};
use crate::MonitorError;

/// Another process that sends gets this long to finish.
const MAX_WAIT: Duration = Duration::from_secs(30);

/// Sends everything that the server lacks.
///
/// # Errors
/// [`MonitorError::TrackingConfig`] without a server; [`MonitorError::Spool`] if there is no spool;
/// [`MonitorError::NotSent`] if the server did not take it all.
pub fn sync(config: &TrackingConfig) -> Result<TrackingStatus, MonitorError> {
    let spool = Spool::find(&config.spool)?;
    let Some(mlflow) = Mlflow::new(config)? else {
        return Err(MonitorError::TrackingConfig("no server to send to; name one by --server URL".to_owned()));
    };
    let tally = Arc::new(Tally::default());
    let mut sender = Sender::new(spool, mlflow, config.keep_sent, Arc::clone(&tally));
    let deadline = Instant::now() + MAX_WAIT;
    loop {
        match sender.pass() {
            Ok(Passed::All) => return Ok(tally.status()),
            Ok(Passed::Elsewhere) if Instant::now() < deadline => thread::sleep(Duration::from_millis(200)),
            Ok(Passed::Elsewhere) => {
                let message = "another process sends from this spool, and did not finish".to_owned();
                return Err(MonitorError::NotSent { message, num_waiting: None });
            }
            Err(fault) => {
                let num_waiting = Some(tally.status().num_waiting);
                return Err(MonitorError::NotSent { message: fault.message().to_owned(), num_waiting });
            }
        }
    }
}
