//! The weights that a config's stages need, found without any of them: what to fetch before the first run.

use scene3d_abi::WeightSpec;
use serde_json::Value;

use super::needed;
use crate::config::{Checked, Node, RawConfig, Written, check_table};
use crate::problem::{Problem, Problems};
use crate::registry::Registry;

/// Plugin and weights of every stage, in the config's order.
///
/// # Errors
/// All mistakes of the stages' tables and all plugins that are not there.
pub fn of_config(raw: &RawConfig, registry: &Registry) -> Result<Vec<(String, WeightSpec)>, Problems> {
    let mut checked = Checked::default();
    let mut weights = Vec::new();
    for (path, table) in stages(raw) {
        let Some(Written { node: Node::Scalar(Value::String(id)), value, .. }) = table.get("plugin") else { continue };
        match registry.descriptor(id) {
            Ok(descriptor) => {
                let of = (format!(" of `{id}`"), ["plugin"]);
                let config = check_table(&descriptor.config_schema, Some(table), &path, (&of.0, &of.1), &mut checked);
                weights.extend(needed(&descriptor, &config).map(|spec| (id.clone(), spec.clone())));
            }
            Err(error) => checked.problems.push(Problem::new(error.code, error.to_string()).at(value).help(error.help)),
        }
    }
    if checked.problems.is_empty() { Ok(weights) } else { Err(Problems(checked.problems)) }
}

fn stages(raw: &RawConfig) -> Vec<(String, &Written)> {
    let mut stages = Vec::new();
    if let Some(Written { node: Node::Array(entries), .. }) = raw.root.get("features") {
        for (index, entry) in entries.iter().enumerate() {
            let of_entry = |stage: &str| Some((format!("features.{index}.{stage}"), entry.get(stage)?));
            stages.extend(["extractor", "matcher"].into_iter().filter_map(of_entry));
        }
    }
    stages.extend(raw.root.get("mapper").map(|table| ("mapper".to_owned(), table)));
    stages
}
