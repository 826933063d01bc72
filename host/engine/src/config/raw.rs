//! A config as it was written: a tree of values, each with its place in the file.

use std::ops::Range;
use std::path::{Path, PathBuf};

use scene3d_abi::ErrorCode;
use serde_json::Value;
use toml_edit::{Document, Item, TableLike};

use super::Origin;
use crate::error::{EngineError, Result};
use crate::problem::{Problem, Problems};

/// A config as written in a file, with overrides applied (see [`RawConfig::set`]).
#[derive(Debug, Clone)]
pub struct RawConfig {
    /// The file it was read from.
    pub file: Option<PathBuf>,
    pub(crate) root: Written,
}

/// A value and where it was written.
#[derive(Debug, Clone)]
pub(crate) struct Written {
    /// Where its key stands.
    pub key: Origin,
    /// Where the value itself stands.
    pub value: Origin,
    pub node: Node,
}

#[derive(Debug, Clone)]
pub(crate) enum Node {
    Scalar(Value),
    Array(Vec<Written>),
    Table(Vec<(String, Written)>),
}

impl RawConfig {
    /// Reads a file, then applies the environment's `SCENE3D_SET_...` and `--set` assignments, the later the stronger.
    ///
    /// # Errors
    /// An unreadable file, or all places where it, or an override, can't be read.
    pub fn load(file: &Path, assignments: &[String]) -> Result<Self> {
        let text = std::fs::read_to_string(file).map_err(EngineError::io("read", file))?;
        let mut config = Self::parse(&text, &file.display().to_string())?;
        config.file = Some(file.to_owned());
        config.apply_environment(std::env::vars())?;
        for assignment in assignments {
            config.set(assignment)?;
        }
        Ok(config)
    }

    /// Reads TOML; `name` stands for the file in messages.
    ///
    /// # Errors
    /// The place where it is no TOML.
    pub fn parse(text: &str, name: &str) -> Result<Self, Problems> {
        let source = Source { name, text };
        let document = Document::parse(text).map_err(|error| {
            let message = format!("this is no valid TOML: {}", error.message().lines().collect::<Vec<_>>().join(", "));
            Problem::new(ErrorCode::INVALID_CONFIG, message).at(&source.origin(error.span()))
        })?;
        let origin = source.origin(None);
        let root = Written { key: origin.clone(), value: origin, node: source.table(document.as_table()) };
        Ok(Self { file: None, root })
    }

    /// Folders of `[pipeline] plugin_dirs`, as far as they can be read before the config is checked.
    #[must_use]
    pub fn plugin_dirs(&self) -> Vec<PathBuf> {
        self.dirs("plugin_dirs")
    }

    /// Folders of `[pipeline] weights_dirs`, as far as they can be read before the config is checked.
    #[must_use]
    pub fn weights_dirs(&self) -> Vec<PathBuf> {
        self.dirs("weights_dirs")
    }

    /// Where a key stands, by its path: `features.0.extractor.model`; `None` if nobody wrote it.
    #[must_use]
    pub fn origin_of(&self, path: &str) -> Option<&Origin> {
        let mut written = &self.root;
        for segment in path.split('.') {
            written = match &written.node {
                Node::Array(items) => items.get(segment.parse::<usize>().ok()?)?,
                Node::Table(_) | Node::Scalar(_) => written.get(segment)?,
            };
        }
        Some(&written.key)
    }

    fn dirs(&self, key: &str) -> Vec<PathBuf> {
        let base = self.file.as_deref().and_then(Path::parent).unwrap_or(Path::new(""));
        let written = self.root.get("pipeline").and_then(|pipeline| pipeline.get(key)).map(Written::to_json);
        let written = written.as_ref().and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        written.iter().filter_map(Value::as_str).map(|dir| base.join(dir)).collect()
    }
}

impl Written {
    pub(crate) fn get(&self, key: &str) -> Option<&Self> {
        match &self.node {
            Node::Table(entries) => entries.iter().find(|(known, _)| known == key).map(|(_, written)| written),
            Node::Scalar(_) | Node::Array(_) => None,
        }
    }

    pub(crate) fn to_json(&self) -> Value {
        match &self.node {
            Node::Scalar(value) => value.clone(),
            Node::Array(items) => items.iter().map(Self::to_json).collect(),
            Node::Table(entries) => entries.iter().map(|(key, written)| (key.clone(), written.to_json())).collect(),
        }
    }
}

struct Source<'a> {
    name: &'a str,
    text: &'a str,
}

impl Source<'_> {
    fn origin(&self, span: Option<Range<usize>>) -> Origin {
        let offset = span.map_or(0, |span| span.start);
        let before = self.text.get(..offset).unwrap_or_default();
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        Origin::File {
            file: self.name.to_owned(),
            line: before.matches('\n').count() + 1,
            column: before[line_start..].chars().count() + 1,
        }
    }

    fn table(&self, table: &dyn TableLike) -> Node {
        let entry = |(name, item): (&str, &Item)| {
            let key = self.origin(table.key(name).and_then(toml_edit::Key::span));
            (name.to_owned(), self.written(key, item))
        };
        Node::Table(table.iter().map(entry).collect())
    }

    fn written(&self, key: Origin, item: &Item) -> Written {
        let value = item.span().map_or_else(|| key.clone(), |span| self.origin(Some(span)));
        let node = match item {
            Item::Table(table) => self.table(table),
            Item::ArrayOfTables(tables) => Node::Array(tables.iter().map(|table| self.element(table)).collect()),
            Item::Value(toml) => self.value(toml),
            Item::None => Node::Scalar(Value::Null),
        };
        Written { key, value, node }
    }

    fn element(&self, table: &toml_edit::Table) -> Written {
        let origin = self.origin(table.span());
        Written { key: origin.clone(), value: origin, node: self.table(table) }
    }

    fn value(&self, toml: &toml_edit::Value) -> Node {
        match toml {
            toml_edit::Value::InlineTable(table) => self.table(table),
            toml_edit::Value::Array(items) => {
                let element = |item: &toml_edit::Value| {
                    let origin = self.origin(item.span());
                    Written { key: origin.clone(), value: origin, node: self.value(item) }
                };
                Node::Array(items.iter().map(element).collect())
            }
            scalar => Node::Scalar(scalar_json(scalar)),
        }
    }
}

/// A value that is neither a table nor an array; a date is its text.
fn scalar_json(toml: &toml_edit::Value) -> Value {
    match toml {
        toml_edit::Value::String(text) => text.value().as_str().into(),
        toml_edit::Value::Integer(number) => (*number.value()).into(),
        toml_edit::Value::Float(number) => (*number.value()).into(),
        toml_edit::Value::Boolean(flag) => (*flag.value()).into(),
        toml_edit::Value::Datetime(date) => date.value().to_string().into(),
        toml_edit::Value::Array(_) | toml_edit::Value::InlineTable(_) => Value::Null,
    }
}

impl Node {
    /// Of a TOML value that was written outside a file, all of one origin.
    pub(crate) fn of_toml(toml: &toml_edit::Value, origin: &Origin) -> Self {
        let written = |node| Written { key: origin.clone(), value: origin.clone(), node };
        match toml {
            toml_edit::Value::InlineTable(table) => {
                let values = table.iter().map(|(key, value)| (key.to_owned(), written(Self::of_toml(value, origin))));
                Self::Table(values.collect())
            }
            toml_edit::Value::Array(items) => {
                Self::Array(items.iter().map(|item| written(Self::of_toml(item, origin))).collect())
            }
            scalar => Self::Scalar(scalar_json(scalar)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_value_knows_its_line_and_column() {
        let text = "[pipeline]\nseed = 3\n\n[[features]]\nextractor = { plugin = \"ü\", model = \"x\" }\n";
        let config = RawConfig::parse(text, "p.toml").unwrap();
        let seed = config.root.get("pipeline").unwrap().get("seed").unwrap();
        assert_eq!((seed.key.to_string(), seed.value.to_string()), ("p.toml:2:1".to_owned(), "p.toml:2:8".to_owned()));
        let Node::Array(features) = &config.root.get("features").unwrap().node else { panic!("no array") };
        let model = features[0].get("extractor").unwrap().get("model").unwrap();
        assert_eq!(model.key.to_string(), "p.toml:5:29");
        assert_eq!(config.origin_of("features.0.extractor.model"), Some(&model.key));
        assert_eq!(config.origin_of("features.1.extractor.model"), None);
    }

    #[test]
    fn broken_toml_is_reported_at_its_place() {
        let problems = RawConfig::parse("[pipeline]\nseed = = 3\n", "p.toml").unwrap_err();
        let text = problems.0[0].to_string();
        assert!(text.starts_with("p.toml:2:8: this is no valid TOML"), "{text}");
    }

    #[test]
    fn folders_are_relative_to_the_file() {
        let mut config = RawConfig::parse("[pipeline]\nplugin_dirs = [\"a\", \"/b\"]\n", "p.toml").unwrap();
        config.file = Some(PathBuf::from("configs/p.toml"));
        assert_eq!(config.plugin_dirs(), [PathBuf::from("configs/a"), PathBuf::from("/b")]);
        assert!(config.weights_dirs().is_empty());
    }
}
