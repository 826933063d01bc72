//! The extractors and matchers of a pipeline for calls outside of a run: made when first used, one call at a time.

use std::sync::{Arc, Mutex, MutexGuard, TryLockError};
use std::thread;
use std::time::Duration;

use scene3d_engine::{ErrorCode, HostCallbacks, InstancePool, Negotiated, Registry, StagePlan};
use scene3d_pipeline::single::spawn_all;

use crate::callbacks::Callbacks;
use crate::failure::Failure;

/// How often a call that waits for its turn looks whether it is cancelled.
const POLL: Duration = Duration::from_millis(20);

/// Instances by entry of `[[features]]`.
#[derive(Debug)]
pub(crate) struct Stages(Vec<OfEntry>);

#[derive(Debug, Default)]
struct OfEntry {
    extractor: Mutex<Option<InstancePool>>,
    matcher: Mutex<Option<InstancePool>>,
}

/// The instances of a stage, for one call.
pub(crate) struct Turn<'a>(MutexGuard<'a, Option<InstancePool>>);

impl Stages {
    pub(crate) fn of(negotiated: &Negotiated) -> Self {
        Self(negotiated.features.iter().map(|_| OfEntry::default()).collect())
    }

    /// Instances of an entry's extractor.
    pub(crate) fn extractor(
        &self,
        entry: usize,
        plan: &StagePlan,
        (registry, negotiated): (&Registry, &Negotiated),
        callbacks: &Arc<Callbacks>,
    ) -> Result<Turn<'_>, Failure> {
        turn(&self.0[entry].extractor, plan, (registry, negotiated), callbacks)
    }

    /// Instances of an entry's matcher.
    pub(crate) fn matcher(
        &self,
        entry: usize,
        plan: &StagePlan,
        (registry, negotiated): (&Registry, &Negotiated),
        callbacks: &Arc<Callbacks>,
    ) -> Result<Turn<'_>, Failure> {
        turn(&self.0[entry].matcher, plan, (registry, negotiated), callbacks)
    }
}

fn turn<'a>(
    slot: &'a Mutex<Option<InstancePool>>,
    plan: &StagePlan,
    (registry, negotiated): (&Registry, &Negotiated),
    callbacks: &Arc<Callbacks>,
) -> Result<Turn<'a>, Failure> {
    let mut pool = loop {
        if callbacks.cancel.is_cancelled() {
            return Err(Failure::cancelled());
        }
        match slot.try_lock() {
            Ok(pool) => break pool,
            Err(TryLockError::Poisoned(pool)) => break pool.into_inner(),
            Err(TryLockError::WouldBlock) => thread::sleep(POLL),
        }
    };
    if pool.is_none() {
        *pool = Some(spawn_all(plan, registry, &negotiated.config.pipeline)?);
    }
    let turn = Turn(pool);
    for instance in turn.pool()?.instances() {
        instance.work_for(Arc::clone(callbacks) as Arc<dyn HostCallbacks>);
    }
    Ok(turn)
}

impl Turn<'_> {
    pub(crate) fn pool(&self) -> Result<&InstancePool, Failure> {
        let nothing = || Failure::new(ErrorCode::INTERNAL, "a stage has no instances", "this is a bug of scene3d");
        self.0.as_ref().ok_or_else(nothing)
    }
}
