//! Registered models on the server.

use serde::Deserialize;
use serde_json::{Value, json};

use super::runs::{RemoteRun, parsed, unexpected};
use super::{Fault, Mlflow};
use crate::tracking::ids::VersionId;

/// The tag by which a version is found again.
const VERSION_ID_TAG: &str = "scene3d.version_id";

/// A version to make.
#[derive(Debug)]
pub struct NewVersion<'a> {
    /// Ours.
    pub id: &'a VersionId,
    /// Of which model.
    pub model: &'a str,
    /// The run that made it.
    pub run: &'a RemoteRun,
    /// Path of its artifacts in the run.
    pub path_in_run: &'a str,
    /// Words about it.
    pub tags: &'a [(String, String)],
}

#[derive(Deserialize)]
struct Found {
    #[serde(default)]
    model_versions: Vec<Version>,
}

#[derive(Deserialize)]
struct Created {
    model_version: Version,
}

#[derive(Deserialize)]
struct Version {
    version: Value,
    #[serde(default)]
    tags: Vec<Tag>,
}

#[derive(Deserialize)]
struct Tag {
    key: String,
    #[serde(default)]
    value: String,
}

impl Mlflow {
    /// The number of a version, which is made where it is missing, as is its model.
    pub fn version(&self, new: &NewVersion<'_>) -> Result<String, Fault> {
        match self.post("registered-models/create", &json!({ "name": new.model })) {
            Err(fault) if !fault.is_refused_as("RESOURCE_ALREADY_EXISTS") => return Err(fault),
            _ => {}
        }
        match self.find_version(new)? {
            Some(number) => Ok(number),
            None => self.create_version(new),
        }
    }

    fn find_version(&self, new: &NewVersion<'_>) -> Result<Option<String>, Fault> {
        let filter = format!("name = '{}' and run_id = '{}'", new.model, new.run.run_id);
        let found: Found =
            parsed(self.get("model-versions/search", &[("filter", &filter), ("max_results", "10000")])?)?;
        let is_ours = |tag: &Tag| tag.key == VERSION_ID_TAG && tag.value == new.id.as_str();
        let known = found.model_versions.iter().find(|version| version.tags.iter().any(is_ours));
        known.map(Version::number).transpose()
    }

    fn create_version(&self, new: &NewVersion<'_>) -> Result<String, Fault> {
        let mut tags = vec![json!({ "key": VERSION_ID_TAG, "value": new.id })];
        tags.extend(new.tags.iter().map(|(key, value)| json!({ "key": key, "value": value })));
        let body = json!({
            "name": new.model,
            "source": format!("{}/{}", new.run.artifact_uri, new.path_in_run),
            "run_id": new.run.run_id,
            "tags": tags,
        });
        let created: Created = parsed(self.post("model-versions/create", &body)?)?;
        created.model_version.number()
    }

    /// An alias means that version from now on.
    pub fn set_alias(&self, model: &str, alias: &str, version: &str) -> Result<(), Fault> {
        let body = json!({ "name": model, "alias": alias, "version": version });
        self.post("registered-models/alias", &body).map(drop)
    }
}

impl Version {
    /// Some servers write it as a number.
    fn number(&self) -> Result<String, Fault> {
        match &self.version {
            Value::String(number) => Ok(number.clone()),
            Value::Number(number) => Ok(number.to_string()),
            _ => Err(unexpected("a model version without a number")),
        }
    }
}
