//! Memory of devices, their use, and copies between them.

use prometheus::{GaugeVec, IntCounterVec, IntGaugeVec, Result};

use super::gpu::Gpus;
use super::registrar::Registrar;

/// Metrics of devices.
#[derive(Debug)]
pub struct DeviceMetrics {
    resident: IntGaugeVec,
    gpu_memory: IntGaugeVec,
    gpu_utilization: GaugeVec,
    transfer_bytes: IntCounterVec,
    transfers: IntCounterVec,
    gpus: Gpus,
}

impl DeviceMetrics {
    pub(super) fn new(registrar: &Registrar<'_>) -> Result<Self> {
        let resident = "Bytes that the worker keeps on a device between jobs.";
        let utilization = "Share of the last sample period in which a GPU worked.";
        let transfers = "Copies between host and device memory.";
        let bytes = "Bytes copied between host and device memory.";
        Ok(Self {
            resident: registrar.int_gauges("scene3d_resident_bytes", resident, &["device"])?,
            gpu_memory: registrar.int_gauges(
                "scene3d_gpu_memory_bytes",
                "Memory of a GPU: used and total.",
                &["gpu", "kind"],
            )?,
            gpu_utilization: registrar.gauges("scene3d_gpu_utilization_ratio", utilization, &["gpu"])?,
            transfer_bytes: registrar.counters("scene3d_transfer_bytes_total", bytes, &["direction"])?,
            transfers: registrar.counters("scene3d_transfers_total", transfers, &["direction"])?,
            gpus: Gpus::open(),
        })
    }

    /// So many bytes are kept on a device, e.g. `cpu` or `cuda:0`.
    pub fn set_resident_bytes(&self, device: &str, num_bytes: u64) {
        self.resident.with_label_values(&[device]).set(num_bytes as i64);
    }

    /// Asks NVML for memory and use of all GPUs; does nothing where there is none. To be called before a scrape.
    pub fn sample_gpus(&self) {
        for sample in self.gpus.samples() {
            self.gpu_memory.with_label_values(&[sample.gpu.as_str(), "used"]).set(sample.used_bytes as i64);
            self.gpu_memory.with_label_values(&[sample.gpu.as_str(), "total"]).set(sample.total_bytes as i64);
            if let Some(utilization) = sample.utilization {
                self.gpu_utilization.with_label_values(&[sample.gpu.as_str()]).set(utilization);
            }
        }
    }

    /// Copies were made in a direction: `to_device` or `to_host`.
    pub fn transferred(&self, direction: &str, num_copies: u64, num_bytes: u64) {
        self.transfers.with_label_values(&[direction]).inc_by(num_copies);
        self.transfer_bytes.with_label_values(&[direction]).inc_by(num_bytes);
    }

    /// As a GPU named so would, where there is none.
    #[cfg(test)]
    pub(super) fn touch_gpu(&self, gpu: &str) {
        for kind in ["used", "total"] {
            self.gpu_memory.with_label_values(&[gpu, kind]).set(1 << 30);
        }
        self.gpu_utilization.with_label_values(&[gpu]).set(0.5);
    }
}
