//! A config with every value there is: checked, defaults filled in, each with where it comes from.

use serde_json::{Value, json};

use super::sections::{GatherSection, ImagesSection, JoinSection, PairingSection, PipelineSection};
use super::{Origin, RawConfig};
use crate::canonical::canonical_json;

/// A checked config without gaps.
#[derive(Debug, Clone, PartialEq)]
pub struct ResolvedConfig {
    /// `[pipeline]`
    pub pipeline: PipelineSection,
    /// `[images]`
    pub images: ImagesSection,
    /// `[[features]]`
    pub features: Vec<FeaturesConfig>,
    /// `[gather]`
    pub gather: GatherSection,
    /// `[join]`
    pub join: JoinSection,
    /// `[pairing]`
    pub pairing: PairingSection,
    /// `[mapper]`
    pub mapper: StageConfig,
    /// Every value by its path, in the order of the sections.
    pub entries: Vec<Entry>,
}

/// An entry of `[[features]]`.
#[derive(Debug, Clone, PartialEq)]
pub struct FeaturesConfig {
    /// What finds keypoints; none where the matcher finds correspondences anywhere.
    pub extractor: Option<StageConfig>,
    /// What matches them.
    pub matcher: StageConfig,
}

/// A plugin's id and config.
#[derive(Debug, Clone, PartialEq)]
pub struct StageConfig {
    /// Id of the plugin.
    pub plugin: String,
    /// Every key of its schema.
    pub config: Value,
}

/// A value of a resolved config.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    /// Where it stands: `features.0.extractor.max_keypoints`.
    pub path: String,
    /// The value.
    pub value: Value,
    /// Who said so.
    pub origin: Origin,
    /// What it means.
    pub doc: String,
    /// Its unit; may be empty.
    pub unit: String,
}

impl ResolvedConfig {
    /// The config as one value, in the layout of the file.
    #[must_use]
    pub fn to_json(&self) -> Value {
        json!({
            "pipeline": self.pipeline,
            "images": self.images,
            "features": self.features.iter().map(FeaturesConfig::to_json).collect::<Vec<_>>(),
            "gather": self.gather,
            "join": self.join,
            "pairing": self.pairing,
            "mapper": self.mapper.to_json(),
        })
    }

    /// The config as JSON of which equal configs have equal bytes.
    #[must_use]
    pub fn to_canonical_json(&self) -> String {
        canonical_json(&self.to_json())
    }

    /// The config as a file that resolves to the same again.
    #[must_use]
    pub fn to_toml(&self) -> String {
        self.write_toml(|_| None)
    }

    /// The config as a file, with the origin of each value behind it.
    #[must_use]
    pub fn explain(&self) -> String {
        self.write_toml(|path| self.entries.iter().find(|entry| entry.path == path).map(|e| e.origin.to_string()))
    }
}

impl FeaturesConfig {
    fn to_json(&self) -> Value {
        let extractor = self.extractor.as_ref().map(|extractor| ("extractor".to_owned(), extractor.to_json()));
        extractor.into_iter().chain([("matcher".to_owned(), self.matcher.to_json())]).collect()
    }
}

impl StageConfig {
    fn to_json(&self) -> Value {
        let mut entries = serde_json::Map::from_iter([("plugin".to_owned(), Value::from(self.plugin.clone()))]);
        entries.extend(self.config.as_object().cloned().unwrap_or_default());
        entries.into()
    }
}

impl RawConfig {
    /// The config as it was written, as one value.
    #[must_use]
    pub fn to_json(&self) -> Value {
        self.root.to_json()
    }
}
