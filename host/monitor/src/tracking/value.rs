//! A metric's value in JSON: a number, or where there is none for it `"NaN"`, `"Infinity"`, `"-Infinity"`, as MLflow takes it.

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The value of a metric; any that a double has.
#[derive(Debug, Clone, Copy)]
pub struct MetricValue(pub f64);

impl PartialEq for MetricValue {
    /// What was not a number stays the same one.
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0 || (self.0.is_nan() && other.0.is_nan())
    }
}

impl Serialize for MetricValue {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            value if value.is_finite() => serializer.serialize_f64(value),
            value if value.is_nan() => serializer.serialize_str("NaN"),
            value if value > 0.0 => serializer.serialize_str("Infinity"),
            _ => serializer.serialize_str("-Infinity"),
        }
    }
}

impl<'de> Deserialize<'de> for MetricValue {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Written {
            Number(f64),
            Word(String),
        }
        match Written::deserialize(deserializer)? {
            Written::Number(value) => Ok(Self(value)),
            Written::Word(word) => match word.as_str() {
                "NaN" => Ok(Self(f64::NAN)),
                "Infinity" => Ok(Self(f64::INFINITY)),
                "-Infinity" => Ok(Self(f64::NEG_INFINITY)),
                _ => Err(serde::de::Error::custom(format!(
                    "`{word}` is no value; expected a number, \"NaN\", \"Infinity\" or \"-Infinity\""
                ))),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_value_is_read_back() {
        for value in [0.0, -1.5, 1e308, 5e-324, f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            let text = serde_json::to_string(&MetricValue(value)).unwrap();
            assert_eq!(serde_json::from_str::<MetricValue>(&text).unwrap(), MetricValue(value), "{text}");
        }
        assert_eq!(serde_json::to_string(&MetricValue(f64::NAN)).unwrap(), r#""NaN""#);
        assert_eq!(serde_json::from_str::<MetricValue>("3").unwrap(), MetricValue(3.0));
        assert!(serde_json::from_str::<MetricValue>(r#""seven""#).is_err());
    }
}
