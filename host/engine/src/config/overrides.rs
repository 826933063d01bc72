//! Values from outside the file: `--set key=value` and environment variables `SCENE3D_SET_...`.

use scene3d_abi::ErrorCode;

use super::{Node, Origin, RawConfig, Written};
use crate::problem::{Problem, Problems};

/// Environment variables that begin so set a value: `SCENE3D_SET_FEATURES__0__EXTRACTOR__MAX_KEYPOINTS=4096` sets
/// `features.0.extractor.max_keypoints`. Two underscores stand for a dot, and case does not matter.
pub const ENVIRONMENT_PREFIX: &str = "SCENE3D_SET_";

impl RawConfig {
    /// Sets one value: `features.0.extractor.max_keypoints=4096`. The value is read as TOML, else taken as text.
    ///
    /// # Errors
    /// No `=`, or a key below something that has no keys.
    pub fn set(&mut self, assignment: &str) -> Result<(), Problem> {
        let origin = Origin::Set { assignment: assignment.to_owned() };
        let Some((key, value)) = assignment.split_once('=') else {
            let problem = Problem::new(ErrorCode::INVALID_CONFIG, "expected key=value").at(&origin);
            return Err(problem.help("for example features.0.extractor.max_keypoints=4096"));
        };
        self.assign(key.trim(), value.trim(), &origin)
    }

    /// Sets the values of all variables that begin with [`ENVIRONMENT_PREFIX`].
    ///
    /// # Errors
    /// All that could not be set.
    pub fn apply_environment(&mut self, variables: impl Iterator<Item = (String, String)>) -> Result<(), Problems> {
        let mut variables: Vec<_> = variables.filter(|(name, _)| name.starts_with(ENVIRONMENT_PREFIX)).collect();
        variables.sort_unstable();
        let mut problems = Vec::new();
        for (variable, value) in variables {
            let key = variable[ENVIRONMENT_PREFIX.len()..].to_lowercase().replace("__", ".");
            problems.extend(self.assign(&key, value.trim(), &Origin::Environment { variable }).err());
        }
        if problems.is_empty() { Ok(()) } else { Err(Problems(problems)) }
    }

    fn assign(&mut self, key: &str, value: &str, origin: &Origin) -> Result<(), Problem> {
        let node = match value.parse::<toml_edit::Value>() {
            Ok(toml) => Node::of_toml(&toml, origin),
            Err(_) => Node::Scalar(value.into()),
        };
        let mut slot = &mut self.root;
        for segment in key.split('.') {
            slot = slot.child(segment, origin).ok_or_else(|| {
                let message = format!("`{key}` can't be set: `{segment}` does not exist there");
                Problem::new(ErrorCode::INVALID_CONFIG, message)
                    .at(origin)
                    .help("for example features.0.extractor.max_keypoints=4096")
            })?;
        }
        *slot = Written { key: origin.clone(), value: origin.clone(), node };
        Ok(())
    }
}

impl Written {
    /// The value behind a key or a list's index, made if it is missing; a list grows by one at most.
    fn child(&mut self, segment: &str, origin: &Origin) -> Option<&mut Self> {
        let empty = || Self { key: origin.clone(), value: origin.clone(), node: Node::Table(Vec::new()) };
        let index = segment.parse::<usize>().ok();
        if let (Node::Table(entries), Some(0)) = (&self.node, index)
            && entries.is_empty()
        {
            self.node = Node::Array(Vec::new());
        }
        match &mut self.node {
            Node::Scalar(_) => None,
            Node::Array(items) => {
                let index = index.filter(|index| *index <= items.len())?;
                if index == items.len() {
                    items.push(empty());
                }
                items.get_mut(index)
            }
            Node::Table(_) if segment.is_empty() => None,
            Node::Table(entries) => {
                let known = entries.iter().position(|(key, _)| key == segment);
                let index = known.unwrap_or_else(|| {
                    entries.push((segment.to_owned(), empty()));
                    entries.len() - 1
                });
                entries.get_mut(index).map(|(_, written)| written)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn config() -> RawConfig {
        RawConfig::parse("[pipeline]\nseed = 3\n[[features]]\nextractor = { plugin = \"a\" }\n", "p.toml").unwrap()
    }

    #[test]
    fn an_assignment_replaces_and_adds_values_and_remembers_itself() {
        let mut config = config();
        config.set("features.0.extractor.max_keypoints=4096").unwrap();
        config.set("pipeline.device = cuda:0").unwrap();
        config.set("pipeline.allow_licenses=[\"MIT\"]").unwrap();
        config.set("mapper.plugin=colmap").unwrap();
        let expected = json!({
            "pipeline": {"seed": 3, "device": "cuda:0", "allow_licenses": ["MIT"]},
            "features": [{"extractor": {"plugin": "a", "max_keypoints": 4096}}],
            "mapper": {"plugin": "colmap"},
        });
        assert_eq!(config.root.to_json(), expected);
        let device = config.root.get("pipeline").unwrap().get("device").unwrap();
        assert_eq!(device.value.to_string(), "--set pipeline.device = cuda:0");
    }

    #[test]
    fn a_whole_config_can_be_assigned() {
        let mut config = RawConfig::parse("", "empty").unwrap();
        config.set("features.0.extractor.plugin=aliked").unwrap();
        assert_eq!(config.root.to_json(), json!({"features": [{"extractor": {"plugin": "aliked"}}]}));
    }

    #[test]
    fn the_environment_sets_values_and_set_is_stronger() {
        let mut config = config();
        let variables =
            [("SCENE3D_SET_PIPELINE__SEED", "7"), ("SCENE3D_SET_FEATURES__0__EXTRACTOR__PLUGIN", "b"), ("HOME", "x")];
        config.apply_environment(variables.map(|(n, v)| (n.to_owned(), v.to_owned())).into_iter()).unwrap();
        config.set("pipeline.seed=9").unwrap();
        assert_eq!(
            config.root.to_json(),
            json!({"pipeline": {"seed": 9}, "features": [{"extractor": {"plugin": "b"}}]})
        );
    }

    #[test]
    fn keys_that_can_not_be_are_refused() {
        for assignment in ["seed", "pipeline.seed.deep=1", "features.7.extractor=1", "features.x=1", "=1"] {
            assert!(config().set(assignment).is_err(), "{assignment}");
        }
    }
}
