//! JSON of which equal values have equal bytes, for keys of artifacts.

use serde_json::Value;

/// Writes keys in order of their bytes and no white space.
#[must_use]
pub fn canonical_json(value: &Value) -> String {
    let mut text = String::new();
    write_value(value, &mut text);
    text
}

/// A scalar as it stands in names: text without quotes.
pub(crate) fn text_of(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn write_value(value: &Value, text: &mut String) {
    match value {
        Value::Object(entries) => {
            let mut sorted: Vec<_> = entries.iter().collect();
            sorted.sort_unstable_by_key(|(key, _)| key.as_str());
            let write = |(key, value): (&String, &Value), text: &mut String| {
                text.push_str(&Value::from(key.as_str()).to_string());
                text.push(':');
                write_value(value, text);
            };
            write_list(('{', '}'), sorted, text, write);
        }
        Value::Array(items) => write_list(('[', ']'), items, text, write_value),
        scalar => text.push_str(&scalar.to_string()),
    }
}

fn write_list<T>(
    (open, close): (char, char),
    items: impl IntoIterator<Item = T>,
    text: &mut String,
    write: impl Fn(T, &mut String),
) {
    text.push(open);
    for (index, item) in items.into_iter().enumerate() {
        if index > 0 {
            text.push(',');
        }
        write(item, text);
    }
    text.push(close);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_order_in_which_keys_were_written_does_not_matter() {
        let one: Value = serde_json::from_str(r#"{"b": [1, 2.5, null], "a": {"d": "\"", "c": true}}"#).unwrap();
        let other: Value = serde_json::from_str(r#"{"a": {"c": true, "d": "\""}, "b": [1, 2.5, null]}"#).unwrap();
        assert_eq!(canonical_json(&one), r#"{"a":{"c":true,"d":"\""},"b":[1,2.5,null]}"#);
        assert_eq!(canonical_json(&one), canonical_json(&other));
    }
}
