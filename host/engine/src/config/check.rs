//! Checks a written table against its schema, fills in defaults, and notes where every value comes from.

use scene3d_abi::ErrorCode;
use serde_json::{Map, Value};

use super::resolved::Entry;
use super::schema::{Schema, written};
use super::{Node, Origin, Written, nearest};
use crate::problem::Problem;

/// What has been checked so far: values with their origins, and mistakes.
#[derive(Debug, Default)]
pub(crate) struct Checked {
    pub entries: Vec<Entry>,
    pub problems: Vec<Problem>,
    /// Paths of the values that did not fit; their defaults stand in.
    pub wrong: Vec<String>,
}

/// Checks the table at `path`; `of` says whose keys they are (` of extractor `aliked``), `reserved` are keys that the
/// host itself reads there. Keys that are wrong have their default in the answer.
pub(crate) fn check_table(
    schema: &Value,
    table: Option<&Written>,
    path: &str,
    (of, reserved): (&str, &[&str]),
    checked: &mut Checked,
) -> Value {
    let no_properties = Map::new();
    let properties = Schema(schema).properties().unwrap_or(&no_properties);
    check_keys(properties, table, path, (of, reserved), checked);
    let mut values = Map::new();
    for (key, schema) in properties {
        let given = table.and_then(|table| table.get(key));
        let value = check_value(schema, given, &format!("{path}.{key}"), of, checked);
        values.insert(key.clone(), value);
    }
    values.into()
}

fn check_keys(
    properties: &Map<String, Value>,
    table: Option<&Written>,
    path: &str,
    (of, reserved): (&str, &[&str]),
    checked: &mut Checked,
) {
    let entries = match table.map(|table| (&table.node, &table.value)) {
        None => return,
        Some((Node::Table(entries), _)) => entries,
        Some((_, origin)) => {
            let message = format!("`{path}`: expected a table, got {}", table.map_or(String::new(), got));
            checked.problems.push(Problem::new(ErrorCode::INVALID_CONFIG, message).at(origin));
            return;
        }
    };
    let known: Vec<&str> = reserved.iter().copied().chain(properties.keys().map(String::as_str)).collect();
    for (key, entry) in entries.iter().filter(|(key, _)| !known.contains(&key.as_str())) {
        checked.problems.push(unknown_key(key, &format!("{path}.{key}"), of, &known).at(&entry.key));
    }
}

pub(crate) fn unknown_key(key: &str, path: &str, of: &str, known: &[&str]) -> Problem {
    let problem = Problem::new(ErrorCode::INVALID_CONFIG, format!("unknown key `{path}`{of}"));
    match nearest(key, known.iter().copied()) {
        Some(name) => problem.help(format!("did you mean `{name}`?")),
        None if known.is_empty() => problem.help("there are no keys to set there"),
        None => problem.help(format!("keys there: {}", known.join(", "))),
    }
}

fn check_value(schema: &Value, given: Option<&Written>, path: &str, of: &str, checked: &mut Checked) -> Value {
    let (rules, is_table) = (Schema(schema), Schema(schema).properties().is_some());
    if is_table {
        return check_table(schema, given, path, (of, &[]), checked);
    }
    let accepted = given.map(|given| (given, rules.accept(&given.to_json())));
    let (value, origin) = match accepted {
        None => (rules.default(), Origin::Default),
        Some((given, Some(value))) => (value, given.value.clone()),
        Some((given, None)) => {
            checked.problems.push(mismatch(rules, given, path));
            checked.wrong.push(path.to_owned());
            (rules.default(), Origin::Default)
        }
    };
    let (doc, unit) = (rules.doc().to_owned(), rules.unit().to_owned());
    checked.entries.push(Entry { path: path.to_owned(), value: value.clone(), origin, doc, unit });
    value
}

fn mismatch(rules: Schema<'_>, given: &Written, path: &str) -> Problem {
    let message = format!("`{path}`: expected {}, got {}", rules.expected(), got(given));
    let problem = Problem::new(ErrorCode::INVALID_CONFIG, message).at(&given.value);
    match &given.node {
        Node::Scalar(Value::String(text)) => match nearest(text, rules.names()) {
            Some(name) => problem.help(format!("did you mean \"{name}\"?")),
            None => problem,
        },
        _ => problem,
    }
}

fn got(given: &Written) -> String {
    match &given.node {
        Node::Scalar(value) => written(value),
        Node::Array(_) => given.to_json().to_string(),
        Node::Table(_) => "a table".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::RawConfig;
    use super::*;
    use serde_json::json;

    fn schema() -> Value {
        json!({"type": "object", "properties": {
            "model": {"type": "string", "enum": ["t16", "n16rot"], "default": "n16rot"},
            "max_keypoints": {"type": "integer", "minimum": 1, "maximum": 65536, "default": 2048, "x-unit": "keypoints"},
            "nested": {"type": "object", "properties": {"deep": {"type": "number", "default": 0.5}}},
        }})
    }

    fn check(text: &str) -> (Value, Checked) {
        let raw = RawConfig::parse(text, "p.toml").unwrap();
        let mut checked = Checked::default();
        let value =
            check_table(&schema(), raw.root.get("e"), "e", (" of extractor `aliked`", &["plugin"]), &mut checked);
        (value, checked)
    }

    #[test]
    fn values_and_defaults_know_their_origin() {
        let (value, checked) = check("[e]\nplugin = \"aliked\"\nmodel = \"t16\"\n[e.nested]\ndeep = 2\n");
        assert_eq!(value, json!({"model": "t16", "max_keypoints": 2048, "nested": {"deep": 2.0}}));
        let origins: Vec<_> = checked.entries.iter().map(|e| format!("{} {}", e.path, e.origin)).collect();
        assert_eq!(origins, ["e.model p.toml:3:9", "e.max_keypoints default", "e.nested.deep p.toml:5:8"]);
        assert_eq!(checked.problems, []);
    }

    #[test]
    fn all_mistakes_are_reported_at_once() {
        let (_, checked) = check("[e]\nmodel = \"n16rto\"\nmax_keypoint = 5\nmax_keypoints = 0\nnested = 3\n");
        let problems: Vec<_> = checked.problems.iter().map(ToString::to_string).collect();
        let expected = [
            "p.toml:3:1: unknown key `e.max_keypoint` of extractor `aliked`\n    help: did you mean `max_keypoints`?",
            "p.toml:2:9: `e.model`: expected one of \"t16\", \"n16rot\", got \"n16rto\"\n    help: did you mean \"n16rot\"?",
            "p.toml:4:17: `e.max_keypoints`: expected an integer, 1 to 65536, in keypoints, got 0",
            "p.toml:5:10: `e.nested`: expected a table, got 3",
        ];
        assert_eq!(problems, expected);
    }
}
