//! The account of a run's copies between its device and host memory, by stage, direction and what was copied.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use scene3d_engine::Instance;
use scene3d_export::Transfer;
use scene3d_tensor::Device;
use scene3d_wire::{Named, NamedView};

use crate::PipelineError;
use crate::observer::StageName;

/// Counted copies.
#[derive(Default)]
pub(crate) struct Transfers(Mutex<BTreeMap<Counted, Count>>);

#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Counted {
    stage: StageName,
    is_to_host: bool,
    what: String,
}

#[derive(Default)]
struct Count {
    num_copies: u64,
    num_bytes: u64,
}

impl Transfers {
    /// Adds copies to a device, or back to the CPU.
    pub(crate) fn count(&self, stage: StageName, to: Device, what: &str, num_copies: u64, num_bytes: u64) {
        let counted = Counted { stage, is_to_host: to == Device::Cpu, what: what.to_owned() };
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let count = counts.entry(counted).or_default();
        count.num_copies += num_copies;
        count.num_bytes += num_bytes;
    }

    /// Copies tensors by a stage's own hand, in one call, and counts them by their names without an item's number.
    pub(crate) fn copy(
        &self,
        stage: StageName,
        instance: &Instance,
        to: Device,
        tensors: &NamedView<'_>,
    ) -> Result<Named, PipelineError> {
        let copies = instance.copy_to(to, tensors)?;
        for (name, view) in &tensors.0 {
            let what = name.rsplit_once('.').map_or(*name, |(_, what)| what);
            self.count(stage, to, what, 1, view.size_bytes() as u64);
        }
        Ok(copies)
    }

    /// For the report.
    pub(crate) fn of_run(&self) -> Vec<Transfer> {
        let counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let transfer = |(counted, count): (&Counted, &Count)| Transfer {
            stage: counted.stage.name().to_owned(),
            direction: if counted.is_to_host { "to host" } else { "to device" }.to_owned(),
            what: counted.what.clone(),
            num_copies: count.num_copies,
            num_bytes: count.num_bytes,
        };
        counts.iter().map(transfer).collect()
    }
}
