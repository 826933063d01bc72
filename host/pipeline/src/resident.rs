//! What is kept of images until their last use, under a byte budget: on the device of the stages, where they use it.
//!
//! What does not fit waits elsewhere and nothing is computed twice: in page-locked host memory for a GPU, in a file for the
//! CPU. All uses are known ahead, so what is needed last goes first (Belady, "A study of replacement algorithms for a
//! virtual-storage computer", IBM Systems Journal 5(2), 1966), and what has no use left is given up.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use scene3d_engine::Instance;
use scene3d_tensor::Device;
use scene3d_wire::Named;

use crate::PipelineError;
use crate::observer::StageName;
use crate::spill::{SpillStore, Spilled};

/// What is kept of an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Kept {
    /// Of what.
    pub kind: Kind,
    /// Place of the image among the photos.
    pub image: usize,
}

/// The kinds of things kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Kind {
    /// Descriptors of that extractor.
    Descriptors(usize),
    /// What the matcher of that entry of `[[features]]` prepared.
    Prepared(usize),
}

/// Tensors by what they are, each computed by one thread while the others wait for it.
pub(crate) struct Resident {
    budget_bytes: usize,
    spill_store: SpillStore,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    here: HashMap<Kept, Here>,
    spilled: HashMap<Kept, Spilled>,
    in_progress: HashSet<Kept>,
    /// Places of the uses to come, in the order of the work.
    uses: HashMap<Kept, BTreeSet<u64>>,
    used_bytes: usize,
    account: Account,
}

/// What the budget cost.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Account {
    /// How often something made room.
    pub num_evictions: usize,
    /// How often something came back.
    pub num_restores: usize,
    /// Most bytes held at once.
    pub peak_bytes: usize,
}

struct Here {
    tensors: Arc<Named>,
    size_bytes: usize,
    /// The same elsewhere, so that making room costs nothing.
    copy: Option<Spilled>,
}

impl Resident {
    /// Holds at most `budget_bytes`, and always what is in use.
    pub(crate) fn new(budget_bytes: usize, spill_store: SpillStore) -> Self {
        Self { budget_bytes, spill_store, state: Mutex::default(), changed: Condvar::new() }
    }

    /// Copies go through this instance where the device is not the CPU; the first one stays.
    pub(crate) fn move_by(&self, mover: &Arc<Instance>) {
        if mover.device() != Device::Cpu {
            self.spill_store.move_by(mover);
        }
    }

    /// What is known to be kept; brought back if it is not here.
    pub(crate) fn get(&self, kept: Kept) -> Result<Arc<Named>, PipelineError> {
        self.get_or_compute(kept, || Err(PipelineError::internal(format!("{kept:?} is kept no more"))))
    }

    /// What is kept, in host memory.
    pub(crate) fn on_host(&self, stage: StageName, kept: Kept) -> Result<Arc<Named>, PipelineError> {
        let tensors = self.get(kept)?;
        if tensors.iter().all(|(_, tensor)| tensor.view().device() == Device::Cpu) {
            return Ok(tensors);
        }
        self.spill_store.copy_to_host(stage, &tensors).map(Arc::new)
    }

    /// Bytes held now.
    pub(crate) fn used_bytes(&self) -> usize {
        self.lock().used_bytes
    }

    /// The budget.
    pub(crate) fn budget_bytes(&self) -> usize {
        self.budget_bytes
    }

    /// Says at which places in the order of the work something is used; what no place is known of goes first.
    pub(crate) fn expect(&self, kept: Kept, places: impl IntoIterator<Item = u64>) {
        self.lock().uses.entry(kept).or_default().extend(places);
    }

    /// Says that a use is over. After the last expected one it is given up.
    pub(crate) fn done(&self, kept: Kept, place: u64) {
        let mut state = self.lock();
        let Some(uses) = state.uses.get_mut(&kept) else { return };
        uses.remove(&place);
        if uses.is_empty() {
            state.uses.remove(&kept);
            let freed = state.here.remove(&kept).map_or(0, |here| here.size_bytes);
            state.used_bytes -= freed;
            let _ = state.spilled.remove(&kept);
        }
    }

    /// Whether something is kept, here or elsewhere.
    pub(crate) fn has(&self, kept: Kept) -> bool {
        let state = self.lock();
        state.here.contains_key(&kept) || state.spilled.contains_key(&kept)
    }

    /// Keeps what lies in a file that is there anyhow.
    pub(crate) fn put_spilled(&self, kept: Kept, spilled: Spilled) {
        self.lock().spilled.insert(kept, spilled);
    }

    /// Keeps tensors, and that the same wait elsewhere, if they do.
    pub(crate) fn put(&self, kept: Kept, tensors: Named, copy: Option<Spilled>) -> Result<(), PipelineError> {
        self.lock().in_progress.insert(kept);
        self.settle(kept, Ok((tensors, copy))).map(drop)
    }

    /// What is kept; brought back, or computed, if it is not here.
    pub(crate) fn get_or_compute(
        &self,
        kept: Kept,
        compute: impl FnOnce() -> Result<Named, PipelineError>,
    ) -> Result<Arc<Named>, PipelineError> {
        match self.find_or_reserve(kept) {
            Found::Here(tensors) => Ok(tensors),
            Found::Spilled(spilled) => {
                let returned = self.spill_store.restore(&spilled).map(|tensors| (tensors, Some(spilled)));
                self.settle(kept, returned)
            }
            Found::Nowhere => self.settle(kept, compute().map(|tensors| (tensors, None))),
        }
    }

    /// What the budget cost so far.
    pub(crate) fn account(&self) -> Account {
        self.lock().account
    }

    fn find_or_reserve(&self, kept: Kept) -> Found {
        let mut state = self.lock();
        loop {
            if let Some(here) = state.here.get(&kept) {
                return Found::Here(Arc::clone(&here.tensors));
            }
            if state.in_progress.insert(kept) {
                return match state.spilled.remove(&kept) {
                    Some(spilled) => {
                        state.account.num_restores += 1;
                        Found::Spilled(spilled)
                    }
                    None => Found::Nowhere,
                };
            }
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Ends what was reserved: makes room, then keeps it here.
    fn settle(
        &self,
        kept: Kept,
        outcome: Result<(Named, Option<Spilled>), PipelineError>,
    ) -> Result<Arc<Named>, PipelineError> {
        let settled = outcome.and_then(|(tensors, copy)| {
            let size_bytes = tensors.iter().map(|(_, tensor)| tensor.view().size_bytes()).sum();
            self.make_room(size_bytes)?;
            Ok(Here { tensors: Arc::new(tensors), size_bytes, copy })
        });
        let mut state = self.lock();
        state.in_progress.remove(&kept);
        self.changed.notify_all();
        let here = settled?;
        let tensors = Arc::clone(&here.tensors);
        state.used_bytes += here.size_bytes;
        state.account.peak_bytes = state.account.peak_bytes.max(state.used_bytes);
        state.here.insert(kept, here);
        Ok(tensors)
    }

    /// Nothing is copied under the lock: others go on meanwhile.
    fn make_room(&self, size_bytes: usize) -> Result<(), PipelineError> {
        loop {
            let Some((kept, here)) = self.lock().take_last_needed(size_bytes, self.budget_bytes) else { return Ok(()) };
            let spilled = match here.copy {
                Some(copy) => Ok(copy),
                None => self.spill(kept, here.tensors),
            };
            let mut state = self.lock();
            state.in_progress.remove(&kept);
            self.changed.notify_all();
            state.spilled.insert(kept, spilled?);
        }
    }

    fn spill(&self, kept: Kept, tensors: Arc<Named>) -> Result<Spilled, PipelineError> {
        // only what nobody holds is taken
        let tensors = Arc::try_unwrap(tensors).map_err(|_| PipelineError::internal("a tensor in use was evicted"))?;
        self.spill_store.spill(kept, tensors)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

enum Found {
    Here(Arc<Named>),
    Spilled(Spilled),
    Nowhere,
}

impl State {
    /// What is used last of all that nobody holds, if the budget is too small; reserved for the caller.
    fn take_last_needed(&mut self, size_bytes: usize, budget_bytes: usize) -> Option<(Kept, Here)> {
        if self.used_bytes + size_bytes <= budget_bytes {
            return None;
        }
        let next_use = |kept: &Kept| self.uses.get(kept).and_then(BTreeSet::first).copied().unwrap_or(u64::MAX);
        let is_free = |(_, here): &(&Kept, &Here)| Arc::strong_count(&here.tensors) == 1;
        let last = self.here.iter().filter(is_free).max_by_key(|(kept, _)| (next_use(kept), **kept));
        let kept = *last?.0;
        let here = self.here.remove(&kept)?;
        self.used_bytes -= here.size_bytes;
        self.account.num_evictions += 1;
        self.in_progress.insert(kept);
        Some((kept, here))
    }
}

#[cfg(test)]
mod tests;
