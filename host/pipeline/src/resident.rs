//! Prepared tensors of images, kept until their last pair under a byte budget; the least recently used go first.
//!
//! What was dropped is prepared again when a later pair needs it. Pairs come in tile order, so that this is rare.

use std::collections::{HashMap, HashSet};
use std::hash::Hash;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

/// Values by key, each computed by one thread while the others wait for it.
pub(crate) struct Resident<K, V> {
    budget_bytes: usize,
    state: Mutex<State<K, V>>,
    finished: Condvar,
}

struct State<K, V> {
    values: HashMap<K, Entry<V>>,
    in_progress: HashSet<K>,
    used_bytes: usize,
    clock: u64,
    num_evictions: usize,
}

struct Entry<V> {
    value: Arc<V>,
    size_bytes: usize,
    last_use: u64,
}

impl<K: Copy + Eq + Hash + Ord, V> Resident<K, V> {
    /// Keeps at most `budget_bytes`, and always what is in use.
    pub(crate) fn new(budget_bytes: usize) -> Self {
        let state =
            State { values: HashMap::new(), in_progress: HashSet::new(), used_bytes: 0, clock: 0, num_evictions: 0 };
        Self { budget_bytes, state: Mutex::new(state), finished: Condvar::new() }
    }

    /// The value of a key; computed now if it is not here.
    pub(crate) fn get_or_compute<E>(
        &self,
        key: K,
        size_bytes: impl FnOnce(&V) -> usize,
        compute: impl FnOnce() -> Result<V, E>,
    ) -> Result<Arc<V>, E> {
        if let Some(value) = self.find_or_reserve(key) {
            return Ok(value);
        }
        let computed = compute();
        let mut state = self.lock();
        state.in_progress.remove(&key);
        self.finished.notify_all();
        let value = Arc::new(computed?);
        state.insert(key, &value, size_bytes(&value), self.budget_bytes);
        Ok(value)
    }

    /// How often something was dropped to make room.
    pub(crate) fn num_evictions(&self) -> usize {
        self.lock().num_evictions
    }

    fn find_or_reserve(&self, key: K) -> Option<Arc<V>> {
        let mut state = self.lock();
        loop {
            if let Some(value) = state.touch(&key) {
                return Some(value);
            }
            if state.in_progress.insert(key) {
                return None;
            }
            state = self.finished.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn lock(&self) -> MutexGuard<'_, State<K, V>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<K: Copy + Eq + Hash + Ord, V> State<K, V> {
    fn touch(&mut self, key: &K) -> Option<Arc<V>> {
        self.clock += 1;
        let entry = self.values.get_mut(key)?;
        entry.last_use = self.clock;
        Some(Arc::clone(&entry.value))
    }

    fn insert(&mut self, key: K, value: &Arc<V>, size_bytes: usize, budget_bytes: usize) {
        while self.used_bytes + size_bytes > budget_bytes {
            let oldest = self.values.iter().min_by_key(|(_, entry)| entry.last_use).map(|(key, _)| *key);
            let Some(entry) = oldest.and_then(|key| self.values.remove(&key)) else { break };
            self.used_bytes -= entry.size_bytes;
            self.num_evictions += 1;
        }
        self.clock += 1;
        self.used_bytes += size_bytes;
        self.values.insert(key, Entry { value: Arc::clone(value), size_bytes, last_use: self.clock });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};

    fn get(resident: &Resident<u32, u32>, key: u32, computed: &AtomicUsize) -> u32 {
        let compute = || {
            computed.fetch_add(1, Ordering::Relaxed);
            Ok::<_, ()>(key * 10)
        };
        *resident.get_or_compute(key, |_| 10, compute).unwrap()
    }

    #[test]
    fn the_least_recently_used_is_dropped_and_computed_again() {
        let (resident, computed) = (Resident::new(20), AtomicUsize::new(0));
        for key in [1, 2, 1, 3, 1] {
            assert_eq!(get(&resident, key, &computed), key * 10);
        }
        assert_eq!((computed.load(Ordering::Relaxed), resident.num_evictions()), (3, 1));
        get(&resident, 2, &computed);
        assert_eq!(computed.load(Ordering::Relaxed), 4);
    }

    #[test]
    fn many_threads_compute_a_value_once() {
        let (resident, computed) = (Resident::new(1 << 20), AtomicUsize::new(0));
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| (0..100).for_each(|key| assert_eq!(get(&resident, key, &computed), key * 10)));
            }
        });
        assert_eq!(computed.load(Ordering::Relaxed), 100);
    }

    #[test]
    fn a_failed_computation_is_tried_by_the_next() {
        let resident: Resident<u32, u32> = Resident::new(10);
        assert!(resident.get_or_compute(1, |_| 1, || Err("no")).is_err());
        assert_eq!(resident.get_or_compute(1, |_| 1, || Ok::<_, &str>(5)).map(|v| *v), Ok(5));
    }
}
