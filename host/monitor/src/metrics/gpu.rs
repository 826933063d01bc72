//! Memory and use of the GPUs, by NVML: the driver's library (`libnvidia-ml`), opened when the program runs.

use nvml_wrapper::Nvml;
use nvml_wrapper::error::NvmlError;

/// The GPUs of this machine; none where NVML is missing, which is no error: there are machines without.
#[derive(Debug)]
pub struct Gpus(Option<Nvml>);

/// A GPU at one moment.
#[derive(Debug, Clone, PartialEq)]
pub struct GpuSample {
    /// NVML's index.
    pub gpu: String,
    /// By whatever process.
    pub used_bytes: u64,
    /// All there is.
    pub total_bytes: u64,
    /// 0 to 1; `None` where the GPU does not tell, e.g. in MIG mode.
    pub utilization: Option<f64>,
}

impl Gpus {
    /// Opens NVML.
    pub fn open() -> Self {
        Self(Nvml::init().ok())
    }

    /// The GPUs that answer.
    pub fn samples(&self) -> Vec<GpuSample> {
        let Some(nvml) = &self.0 else { return Vec::new() };
        let num_gpus = nvml.device_count().unwrap_or(0);
        (0..num_gpus).filter_map(|index| sample(nvml, index).ok()).collect()
    }
}

fn sample(nvml: &Nvml, index: u32) -> Result<GpuSample, NvmlError> {
    let device = nvml.device_by_index(index)?;
    let memory = device.memory_info()?;
    Ok(GpuSample {
        gpu: index.to_string(),
        used_bytes: memory.used,
        total_bytes: memory.total,
        utilization: device.utilization_rates().ok().map(|rates| f64::from(rates.gpu) / 100.0),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gpus_tell_memory_within_bounds_or_there_are_none() {
        assert!(Gpus(None).samples().is_empty());
        let samples = Gpus::open().samples();
        if samples.is_empty() {
            eprintln!("no GPU answers here: only its absence was tested");
        }
        for sample in samples {
            assert!(0 < sample.used_bytes && sample.used_bytes <= sample.total_bytes, "{sample:?}");
            assert!(sample.utilization.is_none_or(|share| (0.0..=1.0).contains(&share)), "{sample:?}");
        }
    }
}
