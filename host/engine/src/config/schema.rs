//! The part of JSON Schema that `schemars` writes for config structs: what a value must be, said and checked.
//!
//! Understood: `type` (also a list of types), `enum`, `const`, `oneOf` and `anyOf`, `minimum`, `maximum`,
//! `exclusiveMinimum`, `exclusiveMaximum`, `items`, `minItems`, `maxItems`, `properties`; besides `default`,
//! `description`, and `x-unit` for the unit.

use serde_json::{Map, Value};

/// Schema of one value.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Schema<'a>(pub &'a Value);

impl<'a> Schema<'a> {
    /// Schemas of an object's keys.
    pub(crate) fn properties(self) -> Option<&'a Map<String, Value>> {
        self.0.get("properties").and_then(Value::as_object)
    }

    pub(crate) fn default(self) -> Value {
        self.0.get("default").cloned().unwrap_or(Value::Null)
    }

    pub(crate) fn unit(self) -> &'a str {
        self.0.get("x-unit").and_then(Value::as_str).unwrap_or_default()
    }

    pub(crate) fn doc(self) -> &'a str {
        self.0.get("description").and_then(Value::as_str).unwrap_or_default()
    }

    fn alternatives(self) -> Option<impl Iterator<Item = Self>> {
        let alternatives = self.0.get("oneOf").or_else(|| self.0.get("anyOf"))?.as_array()?;
        Some(alternatives.iter().map(Schema))
    }

    fn types(self) -> Vec<&'a str> {
        match self.0.get("type") {
            Some(Value::String(name)) => vec![name],
            Some(Value::Array(names)) => names.iter().filter_map(Value::as_str).collect(),
            _ => Vec::new(),
        }
    }

    /// The values there are, where they can be listed.
    fn choices(self) -> Option<Vec<&'a Value>> {
        if let Some(constant) = self.0.get("const") {
            return Some(vec![constant]);
        }
        if let Some(values) = self.0.get("enum").and_then(Value::as_array) {
            return Some(values.iter().collect());
        }
        if self.types() == ["null"] {
            return Some(vec![&Value::Null]);
        }
        self.alternatives()?.map(Self::choices).collect::<Option<Vec<_>>>().map(|lists| lists.concat())
    }

    /// The names there are, where the value is one of some names.
    pub(crate) fn names(self) -> Vec<&'a str> {
        self.choices().unwrap_or_default().into_iter().filter_map(Value::as_str).collect()
    }

    /// The value as the schema wants it (an integer where a number is asked becomes a float, so that equal values are
    /// equal), or `None` if it does not fit.
    pub(crate) fn accept(self, value: &Value) -> Option<Value> {
        if let Some(choices) = self.choices() {
            return choices.contains(&value).then(|| value.clone());
        }
        if let Some(mut alternatives) = self.alternatives() {
            return alternatives.find_map(|alternative| alternative.accept(value));
        }
        let types = self.types();
        let accepted = match value {
            Value::Number(number) if types.contains(&"integer") && !number.is_f64() => Some(value.clone()),
            Value::Number(number) if types.contains(&"number") => number.as_f64().map(Value::from),
            Value::Bool(_) => types.contains(&"boolean").then(|| value.clone()),
            Value::String(_) => types.contains(&"string").then(|| value.clone()),
            Value::Null => types.contains(&"null").then_some(Value::Null),
            Value::Array(items) if types.contains(&"array") => self.accept_items(items),
            Value::Object(entries) if types.contains(&"object") => self.accept_entries(entries),
            _ if types.is_empty() => Some(value.clone()),
            _ => None,
        }?;
        self.is_in_range(&accepted).then_some(accepted)
    }

    fn accept_items(self, items: &[Value]) -> Option<Value> {
        let count = |key: &str| self.0.get(key).and_then(Value::as_u64);
        let len = items.len() as u64;
        if count("minItems").is_some_and(|min| len < min) || count("maxItems").is_some_and(|max| len > max) {
            return None;
        }
        let Some(of_item) = self.0.get("items").map(Schema) else { return Some(Value::from(items)) };
        items.iter().map(|item| of_item.accept(item)).collect::<Option<Vec<_>>>().map(Value::from)
    }

    fn accept_entries(self, entries: &Map<String, Value>) -> Option<Value> {
        let Some(properties) = self.properties() else { return Some(entries.clone().into()) };
        let accept = |(key, value): (&String, &Value)| Some((key.clone(), Schema(properties.get(key)?).accept(value)?));
        entries.iter().map(accept).collect::<Option<Map<_, _>>>().map(Value::from)
    }

    fn is_in_range(self, value: &Value) -> bool {
        let Some(number) = value.as_f64().filter(|_| value.is_number()) else { return true };
        let bound = |key: &str| self.0.get(key).and_then(Value::as_f64);
        bound("minimum").is_none_or(|min| number >= min)
            && bound("maximum").is_none_or(|max| number <= max)
            && bound("exclusiveMinimum").is_none_or(|min| number > min)
            && bound("exclusiveMaximum").is_none_or(|max| number < max)
            && self.format_range().is_none_or(|(min, max)| (min..=max).contains(&number))
    }

    /// What fits the Rust type that schemars names in `format`.
    fn format_range(self) -> Option<(f64, f64)> {
        match self.0.get("format").and_then(Value::as_str)? {
            "uint8" => Some((0.0, u8::MAX.into())),
            "uint16" => Some((0.0, u16::MAX.into())),
            "uint32" => Some((0.0, u32::MAX.into())),
            "int8" => Some((i8::MIN.into(), i8::MAX.into())),
            "int16" => Some((i16::MIN.into(), i16::MAX.into())),
            "int32" => Some((i32::MIN.into(), i32::MAX.into())),
            _ => None,
        }
    }

    /// What a value must be, in words: `an integer, 1 to 8, in px`.
    pub(crate) fn expected(self) -> String {
        if let Some(choices) = self.choices() {
            let listed: Vec<String> = choices.iter().map(|choice| written(choice)).collect();
            return if listed.len() == 1 { listed.concat() } else { format!("one of {}", listed.join(", ")) };
        }
        if let Some(alternatives) = self.alternatives() {
            return alternatives.map(Self::expected).collect::<Vec<_>>().join(", or ");
        }
        let kinds: Vec<String> = self.types().into_iter().map(|name| self.kind(name)).collect();
        let unit = self.unit();
        let in_unit = if unit.is_empty() { String::new() } else { format!(", in {unit}") };
        format!("{}{}{in_unit}", kinds.join(" or "), self.range())
    }

    fn kind(self, name: &str) -> String {
        match name {
            "integer" => "an integer".to_owned(),
            "number" => "a number".to_owned(),
            "boolean" => "true or false".to_owned(),
            "string" => "text".to_owned(),
            "null" => "nothing".to_owned(),
            "object" => "a table".to_owned(),
            "array" => {
                let count = |key: &str| self.0.get(key).and_then(Value::as_u64);
                let of_item = self.0.get("items").map(|items| format!(", each {}", Schema(items).expected()));
                let len = count("minItems").filter(|min| count("maxItems") == Some(*min));
                let len = len.map_or_else(String::new, |len| format!(" of {len}"));
                format!("a list{len}{}", of_item.unwrap_or_default())
            }
            other => other.to_owned(),
        }
    }

    fn range(self) -> String {
        let of_type = |key: &str| {
            let (_, max) = self.format_range().filter(|_| key == "maximum")?;
            Some(max.to_string())
        };
        let written = |key: &str| self.0.get(key).filter(|bound| bound.is_number()).map(Value::to_string);
        let bound = |key: &str| written(key).or_else(|| of_type(key));
        let above = bound("exclusiveMinimum").map(|min| format!("above {min}"));
        let below = bound("exclusiveMaximum").map(|max| format!("below {max}"));
        let sides = match (bound("minimum"), bound("maximum")) {
            (Some(min), Some(max)) => vec![Some(format!("{min} to {max}"))],
            (min, max) => vec![
                min.map(|min| format!("at least {min}")).or_else(|| above.clone()),
                max.map(|max| format!("at most {max}")).or_else(|| below.clone()),
            ],
        };
        sides.into_iter().flatten().map(|side| format!(", {side}")).collect()
    }
}

/// A value as one writes it in TOML.
pub(crate) fn written(value: &Value) -> String {
    match value {
        Value::Null => "nothing".to_owned(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn check(schema: &Value, value: &Value, expected: Result<Value, &str>) {
        let got = Schema(schema).accept(value).ok_or_else(|| Schema(schema).expected());
        assert_eq!(got, expected.map_err(str::to_owned), "{schema} of {value}");
    }

    #[test]
    fn numbers_have_types_ranges_and_units() {
        let schema = json!({"type": "integer", "format": "uint32", "minimum": 1, "maximum": 8, "x-unit": "px"});
        check(&schema, &json!(8), Ok(json!(8)));
        for wrong in [json!(9), json!(0), json!(2.5), json!("2"), json!(null)] {
            check(&schema, &wrong, Err("an integer, 1 to 8, in px"));
        }
        let schema = json!({"type": "number", "exclusiveMinimum": 0, "maximum": 1.5});
        check(&schema, &json!(1), Ok(json!(1.0)));
        check(&schema, &json!(0), Err("a number, above 0, at most 1.5"));
        check(&json!({"type": "boolean"}), &json!(1), Err("true or false"));
    }

    #[test]
    fn choices_are_listed_however_they_are_written() {
        let with_docs = json!({"oneOf": [{"const": "a", "type": "string"}, {"enum": ["b", "c"], "type": "string"}]});
        for schema in [json!({"type": "string", "enum": ["a", "b", "c"]}), with_docs] {
            check(&schema, &json!("c"), Ok(json!("c")));
            check(&schema, &json!("d"), Err("one of \"a\", \"b\", \"c\""));
            assert_eq!(Schema(&schema).names(), ["a", "b", "c"]);
        }
    }

    #[test]
    fn what_may_be_nothing_may_also_be_something() {
        let schema = json!({"type": ["integer", "null"], "minimum": 0});
        check(&schema, &json!(null), Ok(json!(null)));
        check(&schema, &json!(-1), Err("an integer or nothing, at least 0"));
        let schema = json!({"anyOf": [{"type": "string", "enum": ["a"]}, {"type": "null"}]});
        check(&schema, &json!("a"), Ok(json!("a")));
        check(&schema, &json!("b"), Err("one of \"a\", nothing"));
        let schema = json!({"anyOf": [{"type": "number", "minimum": 0.5}, {"type": "null"}]});
        check(&schema, &json!(0), Err("a number, at least 0.5, or nothing"));
    }

    #[test]
    fn lists_are_checked_item_by_item() {
        let schema = json!({"type": "array", "items": {"type": "number"}, "minItems": 2, "maxItems": 2});
        check(&schema, &json!([1, 2.5]), Ok(json!([1.0, 2.5])));
        for wrong in [json!([1]), json!([1, "2"]), json!(1)] {
            check(&schema, &wrong, Err("a list of 2, each a number"));
        }
    }
}
