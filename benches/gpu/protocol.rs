//! Requests and answers, one JSON object a line.

use std::path::PathBuf;

use scene3d_torch::Precision;
use serde::{Deserialize, Serialize};

/// What is asked.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Request {
    /// Render photos of the synthetic scene.
    Photos(Photos),
    /// Where and on what everything that follows is measured.
    Setup(Config),
    /// Names and shapes of MASt3R's parameters in the size that was set up.
    Parameters,
    /// Time a case.
    Measure(Measure),
}

/// Photos to render.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Photos {
    /// How many.
    pub count: usize,
    /// `[width, height]` in px.
    pub size: [u32; 2],
    /// Where they go: tensors `photo0`, `photo1`, ... `[H, W, 3] u8`, safetensors.
    pub path: PathBuf,
}

/// Device, data and sizes.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// `None` is the CPU, else the number of a CUDA device.
    pub cuda: Option<usize>,
    /// Threads on the CPU.
    pub threads: usize,
    /// As [`Photos::path`].
    pub photos: PathBuf,
    /// Folder with `aliked-n16rot.pth` and `aliked_lightglue.pth`.
    pub weights: PathBuf,
    /// SuperPoint's weights; without, it can't be measured.
    pub superpoint: Option<PathBuf>,
    /// Descriptor maps `desc1`, `desc2` `[H, W, D] f32` to match, safetensors; without, those cases can't be measured.
    pub descriptor_maps: Option<PathBuf>,
    /// Keypoints of an image.
    pub num_keypoints: u32,
    /// Size of MASt3R's network, whose weights are by formula.
    pub mast3r: Mast3rSize,
}

/// A MASt3R network.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mast3rSize {
    /// ViT-L encoder, base decoders, 512 px.
    Released,
    /// The same layers with 32 channels, 256 px.
    Small,
}

/// What to time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Measure {
    /// Which part of which network.
    pub case: CaseName,
    /// Images or pairs at once.
    pub batch: usize,
    /// Element type, as a plugin's config has it.
    #[serde(default)]
    pub precision: Precision,
    /// Calls before those that count.
    pub warm_up: usize,
    /// Calls that count.
    pub repeats: usize,
}

/// A part of a network.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CaseName {
    /// Keypoints and descriptors of images; an item is an image.
    Aliked,
    /// The same.
    Superpoint,
    /// What depends on one image alone; an item is an image.
    LightgluePrepare,
    /// Nine layers; an item is a pair, both images prepared for it.
    LightglueFull,
    /// As many layers and keypoints as it takes; an item is a pair, both images prepared for it.
    LightglueAdaptive,
    /// Images to tokens; an item is an image.
    Mast3rEncode,
    /// Decoder and all heads, one direction; an item is a pair.
    Mast3rDecode,
    /// Decoder and descriptor heads, all that matching reads, one direction; an item is a pair.
    Mast3rDescriptors,
    /// Reciprocal nearest neighbours of dense maps, from one side, seeds 8 px apart; an item is a pair.
    Mast3rMatch,
    /// All photos encoded, all their pairs decoded and matched in one direction; one item.
    Mast3rAllPairs,
}

/// What came of a request.
#[derive(Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    /// It is done.
    Done,
    /// Names and shapes.
    Parameters(Vec<(String, Vec<i64>)>),
    /// Times.
    Measured(Measured),
    /// Why it can't be done.
    Error(String),
}

/// Times of a case.
#[derive(Debug, Serialize)]
pub struct Measured {
    /// Of an item, one value a call.
    pub item_ms: Vec<f64>,
    /// In a call.
    pub num_items: usize,
    /// Element type of the large operations: `fp32`, `bf16`, `fp16`.
    pub precision: &'static str,
}

impl Measure {
    /// Whether the same is to be timed, however often.
    pub fn is_same_case(&self, other: &Self) -> bool {
        (self.case, self.batch, self.precision) == (other.case, other.batch, other.precision)
    }
}
