//! Where tensors are spilled that did not fit on the device: page-locked host memory for a GPU, a file for the CPU.

use std::fs;
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

use scene3d_engine::Instance;
use scene3d_tensor::Device;
use scene3d_wire::{Named, NamedView};

use crate::observer::StageName;
use crate::resident::{Kept, Kind};
use crate::transfers::Transfers;
use crate::{PipelineError, tensor_file};

/// Tensors that were spilled.
#[derive(Debug)]
pub(crate) enum Spilled {
    /// In an artifact, beside others.
    Artifact {
        /// The file, which stays.
        path: PathBuf,
        /// The tensor.
        name: &'static str,
    },
    /// In a file of their own.
    File(ScratchFile),
    /// In host memory.
    Host {
        /// Copies of those that were on the device.
        copies: Named,
        /// Those that were not.
        others: Named,
    },
}

/// A file that goes when it is not needed any more.
#[derive(Debug)]
pub(crate) struct ScratchFile(PathBuf);

impl Drop for ScratchFile {
    fn drop(&mut self) {
        // what can't be removed goes with its folder when the next run begins
        fs::remove_file(&self.0).ok();
    }
}

/// Spills tensors and restores them.
pub(crate) struct SpillStore {
    scratch: PathBuf,
    transfers: Arc<Transfers>,
    mover: OnceLock<Arc<Instance>>,
}

impl SpillStore {
    /// With a folder for files; copies are counted.
    pub(crate) fn new(scratch: PathBuf, transfers: Arc<Transfers>) -> Self {
        Self { scratch, transfers, mover: OnceLock::new() }
    }

    /// Copies go through this instance where the device is not the CPU; the first one stays.
    pub(crate) fn move_by(&self, mover: &Arc<Instance>) {
        self.mover.get_or_init(|| Arc::clone(mover));
    }

    /// Copies tensors away; the device's memory is free then.
    pub(crate) fn spill(&self, kept: Kept, tensors: Named) -> Result<Spilled, PipelineError> {
        if self.mover.get().is_none() {
            return self.to_file(kept, &tensors);
        }
        let (on_device, others): (Named, Named) =
            tensors.into_iter().partition(|(_, tensor)| tensor.view().device() != Device::Cpu);
        Ok(Spilled::Host { copies: self.copy_to_host(StageName::Match, &on_device)?, others })
    }

    /// Copies in host memory.
    pub(crate) fn copy_to_host(&self, stage: StageName, tensors: &Named) -> Result<Named, PipelineError> {
        self.transfers.copy(stage, self.mover()?, Device::Cpu, &NamedView::of(tensors))
    }

    fn mover(&self) -> Result<&Arc<Instance>, PipelineError> {
        self.mover.get().ok_or_else(|| PipelineError::internal("nothing copies between device and host memory"))
    }

    /// Brings tensors back; what waits goes on spilled.
    pub(crate) fn restore(&self, spilled: &Spilled) -> Result<Named, PipelineError> {
        match spilled {
            Spilled::Artifact { path, name } => {
                let tensors = self.read(path)?;
                Ok(tensors.into_iter().filter(|(found, _)| found == name).collect())
            }
            Spilled::File(ScratchFile(path)) => self.read(path),
            Spilled::Host { copies, others } => {
                let mover = self.mover()?;
                let mut tensors =
                    self.transfers.copy(StageName::Match, mover, mover.device(), &NamedView::of(copies))?;
                for (name, tensor) in others {
                    tensors.push((name.clone(), tensor.view().to_tensor()?));
                }
                Ok(tensors)
            }
        }
    }

    fn to_file(&self, kept: Kept, tensors: &Named) -> Result<Spilled, PipelineError> {
        let name = match kept.kind {
            Kind::Descriptors(extractor) => format!("descriptors-{extractor}-{}", kept.image),
            Kind::Prepared(entry) => format!("prepared-{entry}-{}", kept.image),
        };
        let path = self.scratch.join(name).with_extension("safetensors");
        tensor_file::write(&path, &NamedView::of(tensors))?;
        Ok(Spilled::File(ScratchFile(path)))
    }

    fn read(&self, path: &std::path::Path) -> Result<Named, PipelineError> {
        let gone = || PipelineError::damaged(path, "it was removed while the run went on");
        tensor_file::read(path)?.ok_or_else(gone)
    }
}
