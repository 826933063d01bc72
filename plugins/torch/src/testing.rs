//! Comparison with golden tensors, for the tests of plugins.
#![allow(clippy::panic)] // assertions: panicking is what they are for

use std::path::Path;

use tch::{Kind, Tensor};

use crate::Weights;

/// How far a value may lie from its golden.
#[derive(Debug, Clone, Copy)]
pub enum Tolerance {
    /// Largest absolute difference.
    Absolute(f64),
    /// Largest absolute difference over the largest absolute golden value.
    Relative(f64),
}

/// Tensors of a golden `.safetensors` file, in their stored types.
pub struct Golden(Vec<(String, Tensor)>);

impl Golden {
    /// Reads a golden file.
    ///
    /// # Panics
    /// If it can't be read.
    #[must_use]
    pub fn load(path: &Path) -> Self {
        match Tensor::read_safetensors(path) {
            Ok(tensors) => Self(tensors),
            Err(error) => panic!("{}: {error}", path.display()),
        }
    }

    /// A tensor of the file.
    ///
    /// # Panics
    /// If there is none of that name.
    pub fn get(&self, name: &str) -> &Tensor {
        match self.0.iter().find(|(known, _)| known == name) {
            Some((_, tensor)) => tensor,
            None => panic!("the golden file has no `{name}`"),
        }
    }

    /// Whether the file has a tensor of that name.
    #[must_use]
    pub fn contains(&self, name: &str) -> bool {
        self.0.iter().any(|(known, _)| known == name)
    }

    /// Compares with the golden of that name.
    ///
    /// # Panics
    /// If shape or values differ.
    pub fn assert_close(&self, name: &str, got: &Tensor, tolerance: Tolerance) {
        assert_close(name, got, self.get(name), tolerance);
    }
}

/// Compares two tensors of one shape; prints the difference found.
///
/// # Panics
/// If shape or values differ, or `got` has a value that is not finite where `expected` is.
pub fn assert_close(name: &str, got: &Tensor, expected: &Tensor, tolerance: Tolerance) {
    assert_eq!(got.size(), expected.size(), "{name}: shape");
    let (got, expected) = (got.to_kind(Kind::Double).flatten(0, -1), expected.to_kind(Kind::Double).flatten(0, -1));
    if got.numel() == 0 {
        return;
    }
    let difference = (&got - &expected).abs().max().double_value(&[]);
    let (difference, limit) = match tolerance {
        Tolerance::Absolute(limit) => (difference, limit),
        Tolerance::Relative(limit) => (difference / expected.abs().max().double_value(&[]), limit),
    };
    eprintln!("{name}: difference {difference:.2e}, limit {limit:.0e}");
    // not `difference > limit`: NaN must fail
    assert!(difference <= limit, "{name}: difference {difference:.3e} exceeds {tolerance:?}");
}

/// Weights from `SCENE3D_WEIGHTS` (a path list), `.deps/weights` of the checkout, or `../shared/weights` beside it;
/// `None`, with a printed reason, if the file is nowhere.
///
/// # Panics
/// If the file is there but can't be read.
#[must_use]
pub fn find_weights(file: &str) -> Option<Weights> {
    let path = find_weight_file(file)?;
    match Weights::load(&path) {
        Ok(weights) => Some(weights),
        Err(error) => panic!("{error}"),
    }
}

/// Path of a weight file, searched as by [`find_weights`].
#[must_use]
pub fn find_weight_file(file: &str) -> Option<std::path::PathBuf> {
    let checkout = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let listed = std::env::var_os("SCENE3D_WEIGHTS").unwrap_or_default();
    let folders = std::env::split_paths(&listed)
        .chain([checkout.join(".deps/weights"), checkout.join("../shared/weights")])
        .filter(|folder| !folder.as_os_str().is_empty());
    let found = folders.map(|folder| folder.join(file)).find(|path| path.is_file());
    if found.is_none() {
        eprintln!("skipped: no {file} in SCENE3D_WEIGHTS, .deps/weights or ../shared/weights");
    }
    found
}

/// Operations that launch nothing on a device: views, memory, and questions that the host answers. Those that may copy, like
/// `contiguous`, call what launches.
const LAUNCHLESS: &str = "_nnpack_available _reshape_alias _unsafe_view alias as_strided as_strided_ chunk contiguous \
                          detach detach_ empty empty_like empty_strided expand expand_as flatten item lift_fresh narrow \
                          numpy_T permute reshape resize_ resolve_conj resolve_neg result_type select slice split \
                          split_with_sizes squeeze squeeze_ t tensor_split to transpose unflatten \
                          unsqueeze unsqueeze_ view view_as view_as_complex view_as_real";

/// About how many launches `work` takes a device: what torch runs that is no view and calls nothing that launches. Some are
/// several on CUDA (sorting, `nonzero`, convolutions with bias); here `addmm` stands as the copy of its bias.
///
/// # Panics
/// If torch's operations can't be recorded.
pub fn num_launches<R>(work: impl FnOnce() -> R) -> (R, usize) {
    let launchless: Vec<String> = LAUNCHLESS.split_whitespace().map(|name| format!("aten::{name}")).collect();
    let launchless: Vec<&str> = launchless.iter().map(String::as_str).collect();
    let (result, recorded) = match scene3d_tensor::torch::operations(&launchless, work) {
        Ok(recorded) => recorded,
        Err(error) => panic!("{error}"),
    };
    let num_launches = recorded.iter().map(|(_, count)| count).sum();
    println!("{num_launches} launches: {recorded:?}");
    (result, num_launches)
}
