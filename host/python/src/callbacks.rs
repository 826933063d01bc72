//! What plugins may ask for in a call: their log goes to `on_event`, and they hear that the call is cancelled.

use std::sync::{Arc, Mutex, PoisonError};

use scene3d_engine::{HostCallbacks, LogLevel};
use scene3d_pipeline::{Cancel, Event, Observer, StageName};

use crate::watched::Teller;

/// Callbacks of a call to stages.
pub(crate) struct Callbacks {
    pub teller: Teller,
    pub cancel: Cancel,
}

impl HostCallbacks for Callbacks {
    fn log(&self, level: LogLevel, plugin: &str, message: &str) {
        let (target, message) = (plugin.to_owned(), message.to_owned());
        self.teller.event(&Event::Log { level: level.name(), target, message });
    }

    fn progress(&self, _: &str, _: f64, _: &str) {
        // items are counted
    }

    fn is_cancelled(&self) -> bool {
        self.cancel.is_cancelled()
    }
}

/// Tells what a run tells, and remembers its stage.
pub(crate) struct Told {
    teller: Teller,
    stage: Mutex<Option<StageName>>,
}

impl Told {
    pub(crate) fn new(teller: &Teller) -> Arc<Self> {
        Arc::new(Self { teller: teller.clone(), stage: Mutex::default() })
    }

    /// The stage that was begun last.
    pub(crate) fn stage(&self) -> Option<StageName> {
        *self.stage.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Observer for Told {
    fn event(&self, event: Event) {
        if let Event::StageStarted { stage, .. } = &event {
            *self.stage.lock().unwrap_or_else(PoisonError::into_inner) = Some(*stage);
        }
        self.teller.event(&event);
    }
}
