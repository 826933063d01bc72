//! Parts of a run that are done elsewhere: shards of the photos, blocks of the pair matrix.

use serde::{Deserialize, Serialize};

use crate::context::Context;
use crate::observer::{Event, StageName};
use crate::{Cancel, PipelineError};

/// A part of a run. What it finishes is the same, and under the same keys, as what the run itself would have.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Part {
    /// Names of the photos it needs, in their order.
    pub photos: Vec<String>,
    /// What is done with them.
    pub task: PartTask,
}

/// What is done with the photos of a part.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PartTask {
    /// Their features are extracted, descriptors included.
    Extract,
    /// Each is described by one vector, for retrieval.
    Describe {
        /// Key of the codebook among the artifacts.
        codebook: String,
    },
    /// Some pairs of them are matched.
    Match {
        /// Places among the photos, each pair in their order.
        pairs: Vec<[u32; 2]>,
    },
}

/// Has parts of a run done elsewhere.
pub trait Delegate: Send + Sync {
    /// Photos of a shard.
    fn images_per_shard(&self) -> usize;

    /// Photos whose pairs make a block, at most.
    fn images_per_block(&self) -> usize;

    /// Has all parts done; then what they finished is among the artifacts of the run. `progress` is told how many items
    /// of all of them are done. What is not there afterwards the run does itself.
    ///
    /// # Errors
    /// [`PipelineError::Elsewhere`] with why a part failed.
    fn work(&self, parts: Vec<Part>, progress: &dyn Fn(usize), cancel: &Cancel) -> Result<(), PipelineError>;
}

/// Has parts of a stage done, if there are any; `before` of its `total` items are there already.
pub(crate) fn work_elsewhere(
    context: &Context<'_>,
    delegate: &dyn Delegate,
    parts: Vec<Part>,
    (stage, [before, total]): (StageName, [usize; 2]),
) -> Result<(), PipelineError> {
    if parts.is_empty() {
        return Ok(());
    }
    let tell = |done: usize| {
        let (done, what) = ((before + done).min(total), String::new());
        context.observer.event(Event::Progress { stage, done, total, what });
    };
    delegate.work(parts, &tell, &context.cancel)
}
