//! What is compiled, and for which devices.

/// Files `cuda/*.cu`, each compiled on its own.
pub const SOURCES: &[&str] = &["cells", "deform", "keypoints", "nearest", "score_head", "sddh", "select", "suppress"];

/// Files that they include.
pub const HEADERS: &[&str] = &["branches.cuh", "kernel.cuh"];

/// A kind of device.
#[derive(Debug, Clone, Copy)]
pub struct Target {
    /// Compute capability times 10.
    pub capability: u32,
    /// As PTX, which the driver compiles for later devices, too; else as machine code, which runs on this major version.
    pub is_portable: bool,
}

/// A100 and what else has major version 8, H100 and H200, and whatever comes later.
pub const TARGETS: &[Target] = &[
    Target { capability: 80, is_portable: false },
    Target { capability: 90, is_portable: false },
    Target { capability: 90, is_portable: true },
];

impl Target {
    /// As NVRTC calls it.
    pub fn architecture(self) -> String {
        format!("{}_{}", if self.is_portable { "compute" } else { "sm" }, self.capability)
    }
}
