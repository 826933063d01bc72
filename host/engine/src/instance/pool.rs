//! Several instances of one stage sharing a queue of work; results come in the order of the work, whoever did it.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Arc;
use std::thread;

use crossbeam_channel::{Receiver, Sender, bounded};

use super::{Instance, InstanceOptions};
use crate::error::PluginError;
use crate::host_callbacks::HostCallbacks;
use crate::plan::StagePlan;
use crate::registry::LoadedPlugin;

/// Instances of one stage.
#[derive(Debug)]
pub struct InstancePool(Vec<Instance>);

impl InstancePool {
    /// Creates `num_instances` (at least one) at once, each on its thread.
    ///
    /// # Errors
    /// As [`Instance::spawn`], of the first that failed.
    pub fn spawn(
        plan: &StagePlan,
        plugin: &LoadedPlugin,
        num_instances: usize,
        options: &InstanceOptions,
        callbacks: &Arc<dyn HostCallbacks>,
    ) -> Result<Self, PluginError> {
        let spawn = || Instance::spawn(plan, plugin, options.clone(), Arc::clone(callbacks));
        let spawned: Vec<_> = thread::scope(|scope| {
            let starting: Vec<_> = (0..num_instances.max(1)).map(|_| scope.spawn(spawn)).collect();
            starting.into_iter().map(|thread| thread.join().unwrap_or_else(|_| spawn())).collect()
        });
        spawned.into_iter().collect::<Result<_, _>>().map(Self)
    }

    /// The instances; each may be driven from a thread of its own.
    #[must_use]
    pub fn instances(&self) -> &[Instance] {
        &self.0
    }

    /// Asks every call in flight, and every later one, to end with `CANCELLED`.
    pub fn cancel(&self) {
        self.0.iter().for_each(Instance::cancel);
    }

    /// Does each item on whichever instance is free and hands the results on in the order of the items. At most twice
    /// as many items as instances are held at a time. After the first error, of `work` or `sink`, no item is taken.
    ///
    /// # Errors
    /// The first error, in the order of the items.
    pub fn run_ordered<I: Send, R: Send, E: Send>(
        &self,
        items: impl IntoIterator<Item = I>,
        work: impl Fn(&Instance, I) -> Result<R, E> + Sync,
        mut sink: impl FnMut(R) -> Result<(), E>,
    ) -> Result<(), E> {
        let max_held = 2 * self.0.len();
        let (jobs, queue) = bounded::<(usize, I)>(max_held);
        let (done, results) = bounded(max_held);
        let work = &work;
        // `move`: on an early return the channels close, which ends the threads
        thread::scope(move |scope| {
            for instance in &self.0 {
                let (queue, done) = (queue.clone(), done.clone());
                scope.spawn(move || serve(&queue, &done, |item| work(instance, item)));
            }
            drop((queue, done));
            let mut reordered = Reordered { next: 0, waiting: BTreeMap::new() };
            let mut num_begun = 0;
            for item in items {
                while num_begun - reordered.next >= max_held {
                    reordered.receive(&results, &mut sink)?;
                }
                if jobs.send((num_begun, item)).is_err() {
                    break;
                }
                num_begun += 1;
            }
            while reordered.next < num_begun {
                reordered.receive(&results, &mut sink)?;
            }
            Ok(())
        })
    }
}

fn serve<I, R>(queue: &Receiver<(usize, I)>, done: &Sender<(usize, thread::Result<R>)>, work: impl Fn(I) -> R) {
    for (index, item) in queue {
        let outcome = catch_unwind(AssertUnwindSafe(|| work(item)));
        if done.send((index, outcome)).is_err() {
            return;
        }
    }
}

struct Reordered<R> {
    next: usize,
    waiting: BTreeMap<usize, R>,
}

impl<R, E> Reordered<Result<R, E>> {
    /// Waits for one result and hands on those whose turn it is. A panic of `work` goes on in the caller.
    fn receive(
        &mut self,
        results: &Receiver<(usize, thread::Result<Result<R, E>>)>,
        sink: &mut impl FnMut(R) -> Result<(), E>,
    ) -> Result<(), E> {
        if let Ok((index, outcome)) = results.recv() {
            self.waiting.insert(index, outcome.unwrap_or_else(|payload| resume_unwind(payload)));
        }
        while let Some(result) = self.waiting.remove(&self.next) {
            self.next += 1;
            sink(result?)?;
        }
        Ok(())
    }
}
