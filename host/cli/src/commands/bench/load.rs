//! Full load: all instances work through the same items at once, each on a thread of its own, and every item is timed.

use std::sync::Barrier;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Instant;

use anyhow::{Result, anyhow};
use scene3d_engine::Instance;

/// Items are done again until there are this many: a median of less says little.
const MIN_ITEMS: usize = 10;

/// What came of a load.
#[derive(Debug)]
pub struct Load<R> {
    /// Time of each call, in no order.
    pub item_ms: Vec<f64>,
    /// Items a second, all instances together.
    pub items_per_sec: f64,
    /// From the start of the first call to the end of the last; `None` if there was no call.
    pub window: Option<Window>,
    /// What the work returned, one an item, in the order of the items.
    pub outputs: Vec<R>,
}

/// A stretch of time.
#[derive(Debug, Clone, Copy)]
pub struct Window {
    /// Its start.
    pub begun: Instant,
    /// Its end.
    pub ended: Instant,
}

/// Does `work` for items `0..num_items`, again and again until there are enough samples. Before that, each instance
/// does one item that is not counted.
pub fn under_load<R: Send>(
    instances: &[Instance],
    num_items: usize,
    work: impl Fn(&Instance, usize) -> Result<R> + Sync,
) -> Result<Load<R>> {
    let queue = Queue {
        start: Barrier::new(instances.len()),
        next: AtomicUsize::new(0),
        num_items,
        num_calls: num_items * MIN_ITEMS.div_ceil(num_items.max(1)),
    };
    let (queue, work) = (&queue, &work);
    let calls = thread::scope(|scope| {
        let serve = |(index, instance)| scope.spawn(move || queue.serve(index, |item| work(instance, item)));
        let threads: Vec<_> = instances.iter().enumerate().map(serve).collect();
        let mut calls = Vec::new();
        for thread in threads {
            calls.extend(thread.join().map_err(|_| anyhow!("a thread of the measurement panicked"))??);
        }
        Ok::<_, anyhow::Error>(calls)
    })?;
    Ok(summarised(calls, num_items))
}

struct Queue {
    /// Nobody begins before all are warm.
    start: Barrier,
    next: AtomicUsize,
    num_items: usize,
    num_calls: usize,
}

struct Called<R> {
    number: usize,
    begun: Instant,
    ended: Instant,
    output: R,
}

impl Queue {
    fn serve<R>(&self, index: usize, work: impl Fn(usize) -> Result<R>) -> Result<Vec<Called<R>>> {
        let warm_up = work(index % self.num_items.max(1));
        self.start.wait();
        warm_up?;
        let mut calls = Vec::new();
        loop {
            let number = self.next.fetch_add(1, Ordering::Relaxed);
            if number >= self.num_calls {
                return Ok(calls);
            }
            let begun = Instant::now();
            let output = work(number % self.num_items)?;
            calls.push(Called { number, begun, ended: Instant::now(), output });
        }
    }
}

fn summarised<R>(mut calls: Vec<Called<R>>, num_items: usize) -> Load<R> {
    calls.sort_by_key(|call| call.number);
    let begun = calls.iter().map(|call| call.begun).min();
    let ended = calls.iter().map(|call| call.ended).max();
    let window = begun.zip(ended).map(|(begun, ended)| Window { begun, ended });
    let secs = window.map_or(0.0, |window| (window.ended - window.begun).as_secs_f64());
    Load {
        item_ms: calls.iter().map(|call| 1000.0 * (call.ended - call.begun).as_secs_f64()).collect(),
        items_per_sec: calls.len() as f64 / secs.max(f64::MIN_POSITIVE),
        window,
        outputs: calls.into_iter().take(num_items).map(|call| call.output).collect(),
    }
}
