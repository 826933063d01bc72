//! Resolved configs as TOML, with or without where each value comes from.

use serde_json::Value;

use super::resolved::ResolvedConfig;

impl ResolvedConfig {
    pub(super) fn write_toml(&self, comment: impl Fn(&str) -> Option<String>) -> String {
        let mut sections = Sections { text: String::new(), comment: &comment };
        let config = self.to_json();
        let section = |name: &str| &config[name];
        sections.write("[pipeline]", "pipeline", section("pipeline"));
        sections.write("[images]", "images", section("images"));
        for (index, features) in config["features"].as_array().into_iter().flatten().enumerate() {
            sections.text.push_str("[[features]]\n");
            for stage in ["extractor", "matcher"] {
                let path = format!("features.{index}.{stage}");
                if let Some(table) = features.get(stage) {
                    sections.write(&format!("[features.{stage}]"), &path, table);
                }
            }
        }
        sections.write("[gather]", "gather", section("gather"));
        sections.write("[join]", "join", section("join"));
        sections.write("[pairing]", "pairing", section("pairing"));
        sections.write("[mapper]", "mapper", section("mapper"));
        sections.text.truncate(sections.text.trim_end().len());
        sections.text.push('\n');
        sections.text
    }
}

struct Sections<'a> {
    text: String,
    comment: &'a dyn Fn(&str) -> Option<String>,
}

impl Sections<'_> {
    fn write(&mut self, header: &str, path: &str, table: &Value) {
        let keys = table.as_object().into_iter().flatten();
        let lines: Vec<(String, String)> = keys
            .filter(|(_, value)| !value.is_null()) // TOML has no null: what is nothing is not written
            .map(|(key, value)| (format!("{key} = {}", toml_value(value)), format!("{path}.{key}")))
            .collect();
        let width = lines.iter().map(|(line, _)| line.chars().count()).max().unwrap_or_default();
        self.text.push_str(header);
        for (line, path) in lines {
            match (self.comment)(&path) {
                Some(comment) => self.text.push_str(&format!("\n{line:width$}  # {comment}")),
                None => self.text.push_str(&format!("\n{line}")),
            }
        }
        self.text.push_str("\n\n");
    }
}

fn toml_value(value: &Value) -> String {
    to_toml(value).to_string().trim().to_owned()
}

fn to_toml(value: &Value) -> toml_edit::Value {
    match value {
        Value::Null => toml_edit::Value::from(""),
        Value::Bool(flag) => (*flag).into(),
        Value::Number(number) => match number.as_i64() {
            Some(integer) => integer.into(),
            None => number.as_f64().unwrap_or_default().into(),
        },
        Value::String(text) => text.as_str().into(),
        Value::Array(items) => items.iter().map(to_toml).collect::<toml_edit::Array>().into(),
        Value::Object(entries) => {
            let present = entries.iter().filter(|(_, value)| !value.is_null());
            let table: toml_edit::InlineTable = present.map(|(key, value)| (key.as_str(), to_toml(value))).collect();
            table.into()
        }
    }
}
