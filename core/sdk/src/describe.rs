//! The start of a descriptor: what every plugin of a kind declares alike, so that authors write what is theirs.

use scene3d_abi::{Descriptor, PortSpec, StageKind};

/// A descriptor of a stage on the CPU without weights; change what differs by struct update:
///
/// ```
/// use scene3d_sdk::{Descriptor, StageKind, describe, features_ports};
///
/// let descriptor = Descriptor {
///     outputs: features_ports(12, "mean colours of the quarters of a cell, unit length"),
///     emits_family: Some("grid".to_owned()),
///     ..describe(StageKind::Extractor, "grid", "0.1.0", "Apache-2.0", "keypoints on a grid")
/// };
/// assert_eq!(descriptor.inputs[0].name, "pixels");
/// ```
///
/// `version` is `env!("CARGO_PKG_VERSION")`, `license` an SPDX id, `summary` one sentence.
#[must_use]
pub fn describe(kind: StageKind, id: &str, version: &str, license: &str, summary: &str) -> Descriptor {
    let inputs = match kind {
        StageKind::Extractor => vec![pixels_port(), image_size_port()],
        StageKind::Matcher | StageKind::Mapper => Vec::new(),
    };
    Descriptor {
        id: id.to_owned(),
        kind,
        version: version.to_owned(),
        license: license.to_owned(),
        summary: summary.to_owned(),
        source: String::new(),
        inputs,
        outputs: Vec::new(),
        emits_family: None,
        accepts_families: Vec::new(),
        max_long_side_key: None,
        devices: vec!["cpu".to_owned()],
        extensions: Vec::new(),
        weights: Vec::new(),
        config_schema: serde_json::Value::Null,
    }
}

/// A tensor that is always there.
#[must_use]
pub fn port(name: &str, dtype: &str, shape: &str, doc: &str) -> PortSpec {
    let [name, dtype, shape, doc] = [name, dtype, shape, doc].map(str::to_owned);
    PortSpec { name, dtype, shape, doc, optional: false }
}

/// Outputs of an extractor, and what matchers are given of them: keypoints, scores, descriptors of a length (a number,
/// or `D` if any will do) with their meaning.
#[must_use]
pub fn features_ports(descriptor_len: impl std::fmt::Display, descriptors: &str) -> Vec<PortSpec> {
    vec![
        port("keypoints", "f32", "[N, 2]", "x, y, px, original image, top-left pixel centre at (0.5, 0.5)"),
        port("scores", "f32", "[N]", "higher is better"),
        port("descriptors", "f32", &format!("[N, {descriptor_len}]"), descriptors),
    ]
}

/// The photo itself: input of an extractor, and of a matcher that looks at photos.
#[must_use]
pub fn pixels_port() -> PortSpec {
    port("pixels", "u8", "[H, W, 3]", "RGB, EXIF orientation applied, resized by the rule the plugin declares")
}

fn image_size_port() -> PortSpec {
    port("image_size", "u32", "[2]", "width, height of the original image, px")
}
