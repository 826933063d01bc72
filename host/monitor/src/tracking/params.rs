//! A config as parameters: nested tables become dotted keys.

use serde_json::Value;

/// `{"mapper": {"ba": [1, 2]}}` as `mapper.ba.0 = 1`, `mapper.ba.1 = 2`; an empty table or list is `{}` or `[]`, null is left
/// out.
#[must_use]
pub fn flatten(value: &Value) -> Vec<(String, String)> {
    let mut params = Vec::new();
    add("", value, &mut params);
    params
}

fn add(prefix: &str, value: &Value, params: &mut Vec<(String, String)>) {
    let key_of = |name: &str| if prefix.is_empty() { name.to_owned() } else { format!("{prefix}.{name}") };
    match value {
        Value::Null => {}
        Value::Object(fields) if !fields.is_empty() => {
            fields.iter().for_each(|(name, value)| add(&key_of(name), value, params));
        }
        Value::Array(items) if !items.is_empty() => {
            items.iter().enumerate().for_each(|(index, value)| add(&key_of(&index.to_string()), value, params));
        }
        Value::String(text) => params.push((prefix.to_owned(), text.clone())),
        other => params.push((prefix.to_owned(), other.to_string())),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn tables_and_lists_become_dotted_keys() {
        let config = json!({
            "features": [{ "extractor": { "plugin": "aliked", "max_keypoints": 2048 }, "matcher": {} }],
            "pipeline": { "seed": 0, "device": null, "rates": [0.5, true] },
        });
        let params = flatten(&config);
        let expected = [
            ("features.0.extractor.plugin", "aliked"),
            ("features.0.extractor.max_keypoints", "2048"),
            ("features.0.matcher", "{}"),
            ("pipeline.seed", "0"),
            ("pipeline.rates.0", "0.5"),
            ("pipeline.rates.1", "true"),
        ];
        assert_eq!(params, expected.map(|(key, value)| (key.to_owned(), value.to_owned())));
        assert!(flatten(&Value::Null).is_empty());
    }
}
