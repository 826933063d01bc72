//! Instances that one run leaves to the next, so that a process that lives on loads the weights of its stages once.
//!
//! Mappers are not kept: COLMAP has a fresh child process for each mapping, which is what makes equal runs equal, and no
//! weights.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use scene3d_engine::{HostCallbacks, Instance, Silent, StagePlan};

use crate::PipelineError;

/// Instances without a run, by stage, the one used last at the end.
#[derive(Debug, Default)]
pub struct WarmInstances {
    max_stages: usize,
    idle: Mutex<Vec<(StageKey, Vec<Instance>)>>,
}

/// What a stage was created from: its identity, and which device of its kind.
type StageKey = String;

impl WarmInstances {
    /// Keeps the instances of at most `max_stages` stages; those of the stage used longest ago go first.
    #[must_use]
    pub fn of_stages(max_stages: usize) -> Self {
        Self { max_stages, idle: Mutex::default() }
    }

    /// How many stages have instances here.
    #[must_use]
    pub fn num_stages(&self) -> usize {
        self.idle().len()
    }

    fn take(&self, stage: &StageKey) -> Vec<Instance> {
        let mut idle = self.idle();
        let place = idle.iter().position(|(known, _)| known == stage);
        place.map_or_else(Vec::new, |place| idle.remove(place).1)
    }

    fn put(&self, stage: StageKey, instances: Vec<Instance>) {
        self.idle().push((stage, instances));
        self.make_room(0);
    }

    /// Destroys what is idle until so many more stages fit. Not under the lock: a stage takes a while to go.
    fn make_room(&self, num_stages: usize) {
        let mut idle = self.idle();
        let surplus = (idle.len() + num_stages).saturating_sub(self.max_stages).min(idle.len());
        let oldest: Vec<_> = idle.drain(..surplus).collect();
        drop(idle);
        drop(oldest);
    }

    fn idle(&self) -> MutexGuard<'_, Vec<(StageKey, Vec<Instance>)>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The instances of one run; those of a run that does not end well are destroyed with it.
pub(crate) struct RunInstances<'a> {
    warm: &'a WarmInstances,
    seed: u64,
    in_use: Mutex<Vec<(StageKey, Vec<Arc<Instance>>)>>,
}

impl<'a> RunInstances<'a> {
    pub(crate) fn new(warm: &'a WarmInstances, seed: u64) -> Self {
        Self { warm, seed, in_use: Mutex::default() }
    }

    /// So many instances of a stage: those this run or an earlier one has, and new ones for the rest.
    pub(crate) fn of_stage(
        &self,
        plan: &StagePlan,
        num_instances: usize,
        callbacks: &Arc<dyn HostCallbacks>,
        spawn: impl Fn() -> Result<Instance, PipelineError>,
    ) -> Result<Vec<Arc<Instance>>, PipelineError> {
        if self.warm.max_stages == 0 {
            return (0..num_instances).map(|_| spawn().map(Arc::new)).collect();
        }
        let stage = format!("{} {}", plan.device, plan.identity_json(self.seed));
        let mut in_use = self.in_use.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, instances)) = in_use.iter().find(|(known, _)| *known == stage) {
            return Ok(instances.clone());
        }
        let mut instances = self.warm.take(&stage);
        instances.truncate(num_instances);
        instances.iter().for_each(|instance| instance.work_for(Arc::clone(callbacks)));
        self.warm.make_room(in_use.len() + 1);
        while instances.len() < num_instances {
            instances.push(spawn()?);
        }
        let instances: Vec<Arc<Instance>> = instances.into_iter().map(Arc::new).collect();
        in_use.push((stage, instances.clone()));
        Ok(instances)
    }

    /// Leaves them to the next run; one that somebody still holds, or that may not work again, is not.
    pub(crate) fn keep(&self) {
        let in_use = std::mem::take(&mut *self.in_use.lock().unwrap_or_else(PoisonError::into_inner));
        for (stage, instances) in in_use {
            let sound: Vec<Instance> =
                instances.into_iter().filter_map(Arc::into_inner).filter(Instance::may_work_again).collect();
            sound.iter().for_each(|instance| instance.work_for(Arc::new(Silent)));
            if !sound.is_empty() {
                self.warm.put(stage, sound);
            }
        }
    }
}
