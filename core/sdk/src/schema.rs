//! Configs as typed structs whose JSON Schema the host checks, explains and draws forms from.

use schemars::JsonSchema;
use serde::Serialize;
use serde::de::DeserializeOwned;

/// A stage's config: `#[derive(Serialize, Deserialize, JsonSchema)] #[serde(default, deny_unknown_fields)]` with a
/// `Default`. Doc comments become help, `#[schemars(range(min = 1, max = 8))]` ranges, and
/// `#[schemars(extend("x-unit" = "px"))]` units.
pub trait PluginConfig: Serialize + DeserializeOwned + JsonSchema + Default + 'static {}

impl<T: Serialize + DeserializeOwned + JsonSchema + Default + 'static> PluginConfig for T {}

/// JSON Schema of a config, subschemas inlined, every property with its default.
#[must_use]
pub fn config_schema<C: PluginConfig>() -> serde_json::Value {
    let mut settings = schemars::generate::SchemaSettings::draft2020_12();
    settings.inline_subschemas = true;
    let mut schema = settings.into_generator().into_root_schema_for::<C>().to_value();
    let defaults = serde_json::to_value(C::default()).unwrap_or_default();
    let properties = schema.get_mut("properties").and_then(serde_json::Value::as_object_mut);
    for (key, property) in properties.into_iter().flatten() {
        if let (Some(property), Some(default)) = (property.as_object_mut(), defaults.get(key)) {
            property.insert("default".to_owned(), default.clone());
        }
    }
    schema
}
