//! The one thread of an instance: creates the stage, answers calls one after the other, recreates after a panic.

use std::sync::Arc;

use crossbeam_channel::{Receiver, Sender};
use scene3d_abi::ErrorCode;
use scene3d_wire::Named;

use super::{Boundary, Call, RawInputs, Request};
use crate::error::PluginError;
use crate::plugin_health::PluginHealth;

pub(super) struct Worker {
    boundary: Boundary,
    health: Arc<PluginHealth>,
    is_poisoned: bool,
}

impl Worker {
    pub(super) fn new(boundary: Boundary, health: Arc<PluginHealth>) -> Self {
        Self { boundary, health, is_poisoned: true }
    }

    /// Runs until every sender of requests is gone.
    pub(super) fn serve(mut self, created: &Sender<Result<(), PluginError>>, requests: &Receiver<Request>) {
        let outcome = self.recreate();
        let is_created = outcome.is_ok();
        let _ = created.send(outcome); // nobody listens if the deadline of `create` passed
        if !is_created {
            return;
        }
        for Request { call, inputs, reply } in requests {
            let outcome = self.call(call, &inputs);
            drop(inputs);
            let _ = reply.send(outcome); // as above
        }
    }

    /// A stage that panicked is destroyed, created anew once, and asked the same once more.
    fn call(&mut self, call: Call, inputs: &RawInputs) -> Result<Named, PluginError> {
        self.recreate()?;
        let outcome = self.attempt(call, inputs);
        if !self.is_poisoned || self.health.disabled_reason().is_some() {
            return outcome;
        }
        self.recreate()?;
        self.attempt(call, inputs)
    }

    fn attempt(&mut self, call: Call, inputs: &RawInputs) -> Result<Named, PluginError> {
        let outcome = self.boundary.call(call, inputs);
        self.note_panic(&outcome);
        outcome
    }

    fn recreate(&mut self) -> Result<(), PluginError> {
        if let Some(reason) = self.health.disabled_reason() {
            let error = PluginError::new(self.boundary.plugin_id(), "create", ErrorCode::UNAVAILABLE, reason);
            return Err(error.help("report it to the plugin's author with the log, or choose another plugin"));
        }
        if self.is_poisoned {
            let outcome = self.boundary.create();
            self.is_poisoned = outcome.is_err();
            self.note_panic(&outcome);
            outcome?;
        }
        Ok(())
    }

    fn note_panic<T>(&mut self, outcome: &Result<T, PluginError>) {
        if let Err(error) = outcome
            && error.code == ErrorCode::PANICKED
        {
            self.is_poisoned = true;
            self.health.count_panic(&error.message);
        }
    }
}
