//! The ways of misbehaving.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Config of the hostile plugin.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// What it does wrong.
    pub mode: Mode,
}

/// What it does wrong once it is loaded.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// Nothing: one keypoint an image.
    #[default]
    None,
    /// Panics in `create`.
    PanicInCreate,
    /// Panics in every call.
    PanicInRun,
    /// Panics in the first call of the process, then works.
    PanicOnce,
    /// Panics when it is destroyed.
    PanicInDrop,
    /// Panics with a payload that is no text.
    PanicMessageNonString,
    /// Panics with a payload that panics when it is dropped.
    PanicPayloadThatPanics,
    /// Ends the process in `create`.
    AbortInCreate,
    /// Ends the process in a call.
    Abort,
    /// Returns a null stage.
    NullStage,
    /// Returns a null tensor.
    NullTensor,
    /// `keypoints [N, 3]`.
    WrongShape,
    /// Two keypoints with three scores.
    WrongCount,
    /// `keypoints` as f64.
    WrongDtype,
    /// Forgets `scores`.
    MissingPort,
    /// Returns a port it does not declare.
    ExtraPort,
    /// Returns `scores` twice.
    DuplicatePort,
    /// Forgets the last item.
    MissingItem,
    /// Returns an item more than it was given.
    ExtraItem,
    /// Returns ports without an item's number.
    Unnumbered,
    /// Returns a NaN.
    Nan,
    /// Works until the host asks it to stop.
    HangUntilCancelled,
    /// Never returns, whatever the host asks.
    Hang,
    /// Loses 1 MiB a call.
    Leak,
    /// An error of 16 MiB of text.
    HugeError,
    /// An error with a code no version has.
    UnknownErrorCode,
    /// Logs and reports progress with absurd values.
    AbsurdCallbacks,
}

/// Environment variable that names a [`LoadMode`].
pub const LOAD_MODE_VARIABLE: &str = "SCENE3D_HOSTILE";

/// What it does wrong while it is loaded.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LoadMode {
    /// Nothing.
    #[default]
    None,
    /// Says it was built for the next major version of the boundary.
    WrongAbiMajor,
    /// Says it was built for a later minor version than the host's.
    WrongAbiMinor,
    /// Its descriptor is no JSON.
    BadDescriptor,
    /// Panics when asked for its descriptor.
    PanicInDescriptor,
    /// Its descriptor says that it is a matcher.
    OtherKind,
    /// Panics when asked for its module.
    PanicInModule,
}

impl LoadMode {
    /// The mode that the environment names.
    pub(crate) fn of_environment() -> Self {
        let name = std::env::var(LOAD_MODE_VARIABLE).unwrap_or_default();
        serde_json::from_value(name.into()).unwrap_or_default()
    }
}
