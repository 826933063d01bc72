//! Every kernel: its source, the threads of its blocks, its twin.

#[cfg(feature = "twin")]
use std::ffi::c_void;

/// A kernel of `cuda/`.
#[derive(Debug)]
pub(crate) struct Kernel {
    /// As in the source, with its final zero.
    pub name: &'static str,
    /// File of `cuda/`, without its ending.
    pub source: &'static str,
    /// `THREADS` of that file.
    pub threads: u32,
    /// Runs a whole grid on the CPU.
    #[cfg(feature = "twin")]
    pub twin: unsafe extern "C" fn(*const u32, *mut *mut c_void),
}

macro_rules! kernels {
    ($($constant:ident = $source:literal, $threads:literal, $name:ident, $twin:ident;)*) => {
        #[cfg(feature = "twin")]
        #[allow(unsafe_code)] // foreign functions, declared here and called in `launch` only
        mod twins {
            use std::ffi::c_void;
            unsafe extern "C" {
                $(pub fn $twin(grid: *const u32, arguments: *mut *mut c_void);)*
            }
        }

        $(pub(crate) static $constant: Kernel = Kernel {
            name: concat!(stringify!($name), "\0"),
            source: $source,
            threads: $threads,
            #[cfg(feature = "twin")]
            twin: twins::$twin,
        };)*

        #[cfg(test)]
        pub(crate) static ALL: &[&Kernel] = &[$(&$constant),*];
    };
}

kernels! {
    CELL_SCORES = "cells", 256, cell_scores, scene3d_twin_cell_scores;
    SAMPLE_CELLS = "cells", 256, sample_cells, scene3d_twin_sample_cells;
    DEFORM_COLUMNS_F32 = "deform", 256, deform_columns_f32, scene3d_twin_deform_columns_f32;
    DEFORM_COLUMNS_BF16 = "deform", 256, deform_columns_bf16, scene3d_twin_deform_columns_bf16;
    DEFORM_COLUMNS_F16 = "deform", 256, deform_columns_f16, scene3d_twin_deform_columns_f16;
    REFINE = "keypoints", 128, refine, scene3d_twin_refine;
    KEYPOINTS_OF_KEYS = "keypoints", 128, keypoints_of_keys, scene3d_twin_keypoints_of_keys;
    NEAREST = "nearest", 256, nearest, scene3d_twin_nearest;
    WALK = "nearest", 256, walk, scene3d_twin_walk;
    SCORE_HEAD_F32 = "score_head", 256, score_head_f32, scene3d_twin_score_head_f32;
    SCORE_HEAD_BF16 = "score_head", 256, score_head_bf16, scene3d_twin_score_head_bf16;
    SCORE_HEAD_F16 = "score_head", 256, score_head_f16, scene3d_twin_score_head_f16;
    SDDH_PATCHES_F32 = "sddh", 128, sddh_patches_f32, scene3d_twin_sddh_patches_f32;
    SDDH_PATCHES_BF16 = "sddh", 128, sddh_patches_bf16, scene3d_twin_sddh_patches_bf16;
    SDDH_PATCHES_F16 = "sddh", 128, sddh_patches_f16, scene3d_twin_sddh_patches_f16;
    SDDH_SAMPLES_F32 = "sddh", 128, sddh_samples_f32, scene3d_twin_sddh_samples_f32;
    SDDH_SAMPLES_BF16 = "sddh", 128, sddh_samples_bf16, scene3d_twin_sddh_samples_bf16;
    SDDH_SAMPLES_F16 = "sddh", 128, sddh_samples_f16, scene3d_twin_sddh_samples_f16;
    UNIT_ROWS = "sddh", 128, unit_rows, scene3d_twin_unit_rows;
    SELECT_KEYS = "select", 1024, select_keys, scene3d_twin_select_keys;
    SUPPRESS_R1 = "suppress", 256, suppress_r1, scene3d_twin_suppress_r1;
    SUPPRESS_R2 = "suppress", 256, suppress_r2, scene3d_twin_suppress_r2;
    SUPPRESS_R3 = "suppress", 256, suppress_r3, scene3d_twin_suppress_r3;
    SUPPRESS_R4 = "suppress", 256, suppress_r4, scene3d_twin_suppress_r4;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn threads_are_those_of_the_sources() {
        for kernel in ALL {
            let path = format!("{}/cuda/{}.cu", env!("CARGO_MANIFEST_DIR"), kernel.source);
            let text = std::fs::read_to_string(&path).unwrap();
            assert!(text.lines().any(|line| line == format!("#define THREADS {}", kernel.threads)), "{kernel:?}");
        }
    }
}
