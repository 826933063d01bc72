//! A case, and its times: the device is idle before the clock starts and before it stops.

use std::time::Instant;

use anyhow::Result;
use scene3d_torch::TorchContext;
use tch::{Cuda, Device, Kind};

use crate::protocol::{Answer, Measure, Measured};

/// Something to time.
pub struct Case {
    /// Images or pairs that a call works on.
    pub num_items: usize,
    /// Device and element type.
    pub context: TorchContext,
    /// The call; what it computes stays on the device and is dropped.
    pub run: Box<dyn FnMut() -> Result<()>>,
}

impl Case {
    /// Runs and times it.
    ///
    /// # Errors
    /// The call's.
    pub fn measure(&mut self, measure: &Measure) -> Result<Answer> {
        for _ in 0..measure.warm_up {
            (self.run)()?;
        }
        let mut item_ms = Vec::with_capacity(measure.repeats);
        for _ in 0..measure.repeats {
            self.wait();
            let begun = Instant::now();
            (self.run)()?;
            self.wait();
            item_ms.push(1e3 * begun.elapsed().as_secs_f64() / self.num_items as f64);
        }
        Ok(Answer::Measured(Measured { item_ms, num_items: self.num_items, precision: name_of(self.context.kind) }))
    }

    fn wait(&self) {
        if let Device::Cuda(index) = self.context.device {
            Cuda::synchronize(index as i64);
        }
    }
}

fn name_of(kind: Kind) -> &'static str {
    match kind {
        Kind::BFloat16 => "bf16",
        Kind::Half => "fp16",
        _ => "fp32",
    }
}
