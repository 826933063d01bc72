//! The hostile stage: an extractor that finds one keypoint an image, or does what its mode says.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use scene3d_sdk::private::scene3d_abi::{CallContext, CreateRequest};
use scene3d_sdk::{
    Descriptor, Device, ErrorCode, Host, LogLevel, Named, NamedView, Result, SdkError, StageKind, StageOf, Tensor,
    config_schema, describe, features_ports,
};

use crate::mode::{Config, LoadMode, Mode};

/// Bytes lost a call by `Mode::Leak`.
const LEAKED_BYTES: usize = 1 << 20;
/// Length of the text of `Mode::HugeError`.
const HUGE_BYTES: usize = 16 << 20;

/// Misbehaves as its mode says.
pub struct Hostile {
    mode: Mode,
}

pub(crate) fn descriptor() -> Descriptor {
    let summary = "Misbehaves on request, for tests of the host.";
    Descriptor {
        outputs: features_ports(4, "zero"),
        emits_family: Some("hostile".to_owned()),
        config_schema: config_schema::<Config>(),
        ..describe(StageKind::Extractor, "hostile", env!("CARGO_PKG_VERSION"), "Apache-2.0", summary)
    }
}

impl StageOf for Hostile {
    const PREPARES: bool = false;

    #[allow(clippy::panic)] // on request
    fn descriptor() -> Descriptor {
        match LoadMode::of_environment() {
            LoadMode::PanicInDescriptor => panic!("hostile in descriptor"),
            LoadMode::OtherKind => Descriptor { kind: StageKind::Matcher, ..descriptor() },
            _ => descriptor(),
        }
    }

    #[allow(clippy::panic)] // on request
    fn create(request: &str, _: &CallContext) -> Result<Self> {
        let invalid = |error: serde_json::Error| SdkError::invalid_config(error.to_string());
        let request: CreateRequest = serde_json::from_str(request).map_err(invalid)?;
        let Config { mode } = serde_json::from_value(request.config).map_err(invalid)?;
        match mode {
            Mode::PanicInCreate => panic!("hostile in create"),
            Mode::AbortInCreate => std::process::abort(),
            _ => Ok(Self { mode }),
        }
    }

    fn run(&mut self, inputs: &NamedView<'_>, host: &Host<'_>) -> Result<Named> {
        self.misbehave(host)?;
        let num_images = inputs.0.iter().filter(|(name, _)| name.ends_with(".pixels")).count();
        let num_items = match self.mode {
            Mode::MissingItem => num_images.saturating_sub(1),
            Mode::ExtraItem => num_images + 1,
            _ => num_images,
        };
        let mut outputs = Named::new();
        for number in 0..num_items {
            let named = |(port, tensor)| match self.mode {
                Mode::Unnumbered => (port, tensor),
                _ => (format!("{number}.{port}"), tensor),
            };
            outputs.extend(self.item()?.into_iter().map(named));
        }
        Ok(outputs)
    }

    fn copy_to(&mut self, device: Device, tensors: &NamedView<'_>, _: &Host<'_>) -> Result<Named> {
        tensors.0.iter().map(|(name, view)| Ok(((*name).to_owned(), view.copy_to(device)?))).collect()
    }

    fn prepare(&mut self, _: &NamedView<'_>, _: &Host<'_>) -> Result<Named> {
        Err(SdkError::unsupported("an extractor prepares nothing"))
    }
}

impl Hostile {
    #[allow(clippy::panic)] // on request
    fn misbehave(&self, host: &Host<'_>) -> Result<()> {
        static HAS_PANICKED: AtomicBool = AtomicBool::new(false);
        match self.mode {
            Mode::PanicInRun => panic!("hostile in run"),
            Mode::PanicOnce if !HAS_PANICKED.swap(true, Ordering::Relaxed) => panic!("hostile once"),
            Mode::PanicMessageNonString => std::panic::panic_any(42_u64),
            Mode::PanicPayloadThatPanics => std::panic::panic_any(PanicsWhenDropped),
            Mode::Abort => std::process::abort(),
            Mode::Leak => std::mem::forget(vec![1_u8; LEAKED_BYTES]),
            Mode::HugeError => return Err(SdkError::internal("x".repeat(HUGE_BYTES))),
            Mode::UnknownErrorCode => {
                return Err(SdkError { code: ErrorCode(999), ..SdkError::internal("a code no version has") });
            }
            Mode::HangUntilCancelled | Mode::Hang => {
                host.log(LogLevel::Info, "hangs");
                wait_until(|| self.mode == Mode::HangUntilCancelled && host.is_cancelled());
            }
            Mode::AbsurdCallbacks => {
                host.log(LogLevel::Warn, "\u{0}\n\u{1b}[2J");
                for share in [f64::NAN, f64::NEG_INFINITY, 7.0] {
                    host.progress(share, "");
                }
            }
            _ => {}
        }
        host.check_cancelled()
    }

    fn item(&self) -> Result<Named> {
        let tensor = |name: &str, values: Vec<f32>, shape: &[i64]| -> Result<(String, Tensor)> {
            Ok((name.to_owned(), Tensor::from_vec(values, shape)?))
        };
        let first = if self.mode == Mode::Nan { f32::NAN } else { 0.5 };
        let num_scores = if self.mode == Mode::WrongCount { 2 } else { 1 };
        let keypoints = match self.mode {
            Mode::WrongShape => tensor("keypoints", vec![0.5; 3], &[1, 3])?,
            Mode::WrongDtype => ("keypoints".to_owned(), Tensor::from_vec(vec![0.5_f64; 2], &[1, 2])?),
            _ => tensor("keypoints", vec![first, 0.5], &[1, 2])?,
        };
        let scores = || tensor("scores", vec![1.0; num_scores], &[num_scores as i64]);
        let mut item = vec![keypoints, tensor("descriptors", vec![0.5; 4], &[1, 4])?];
        if self.mode != Mode::MissingPort {
            item.push(scores()?);
        }
        match self.mode {
            Mode::DuplicatePort => item.push(scores()?),
            Mode::ExtraPort => item.push(tensor("surprise", vec![1.0], &[1])?),
            _ => {}
        }
        Ok(item)
    }
}

impl Drop for Hostile {
    #[allow(clippy::panic)] // on request
    fn drop(&mut self) {
        if self.mode == Mode::PanicInDrop {
            panic!("hostile in drop");
        }
    }
}

struct PanicsWhenDropped;

impl Drop for PanicsWhenDropped {
    #[allow(clippy::panic)] // on request
    fn drop(&mut self) {
        panic!("hostile in the payload's drop");
    }
}

fn wait_until(is_over: impl Fn() -> bool) {
    while !is_over() {
        thread::sleep(Duration::from_millis(1));
    }
}
