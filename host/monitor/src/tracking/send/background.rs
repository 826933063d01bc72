//! The thread that sends, beside whatever the process does: soon after records come, later after failures, and at the end
//! for a bounded time.

use std::io;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread;
use std::time::Duration;

use super::{Passed, Sender};
use crate::tracking::mlflow::Fault;
use crate::tracking::status::Tally;

/// Between passes.
const PAUSE: Duration = Duration::from_secs(1);
/// After failures the pause doubles up to this.
const MAX_PAUSE: Duration = Duration::from_secs(60);

/// A thread that sends until this is dropped. The drop waits for its last pass, but not beyond the grace time; what was not
/// sent then stays in the spool.
#[derive(Debug)]
pub struct Background {
    /// Nothing is ever sent by it: that it closes means stop.
    stop: Option<SyncSender<()>>,
    /// Closes when the thread ends.
    ended: Receiver<()>,
    grace: Duration,
}

impl Background {
    pub fn start(sender: Sender, tally: Arc<Tally>, grace: Duration) -> io::Result<Self> {
        let (stop, stopped) = sync_channel(1);
        let (ends, ended) = sync_channel(1);
        let run = move || {
            send_until(sender, &tally, &stopped);
            drop::<SyncSender<()>>(ends);
        };
        thread::Builder::new().name("tracking".to_owned()).spawn(run)?;
        Ok(Self { stop: Some(stop), ended, grace })
    }
}

impl Drop for Background {
    fn drop(&mut self) {
        drop(self.stop.take());
        // it closes, or it is too late: both end the wait
        self.ended.recv_timeout(self.grace).ok();
    }
}

fn send_until(mut sender: Sender, tally: &Tally, stopped: &Receiver<()>) {
    let mut pause = PAUSE;
    let mut is_last = false;
    loop {
        pause = match sender.pass() {
            Ok(passed) => {
                if tally.succeeded() && passed == Passed::All {
                    tracing::info!("tracking: the server has all records again");
                }
                PAUSE
            }
            Err(fault) => {
                tell(&fault, tally);
                next_pause(pause)
            }
        };
        if is_last {
            return;
        }
        // what came while a pass was under way gets one more
        is_last = stopped.recv_timeout(pause) == Err(RecvTimeoutError::Disconnected);
    }
}

fn tell(fault: &Fault, tally: &Tally) {
    let message = fault.message();
    if tally.failed(message) {
        tracing::warn!("tracking: {message}; records wait in the spool");
    } else {
        tracing::debug!("tracking: {message}");
    }
}

fn next_pause(pause: Duration) -> Duration {
    (2 * pause).min(MAX_PAUSE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_a_minute() {
        let mut pause = PAUSE;
        let pauses: Vec<_> = (0..7)
            .map(|_| {
                let now = pause;
                pause = next_pause(now);
                now.as_secs()
            })
            .collect();
        assert_eq!(pauses, [1, 2, 4, 8, 16, 32, 60]);
    }
}
