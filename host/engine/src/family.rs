//! Feature families: which descriptors an extractor emits and whether a matcher understands them.

use scene3d_abi::Descriptor;
use serde_json::Value;

use crate::canonical::text_of;

/// Matches any family.
const ANY: &str = "*";

/// The family a config emits: `{key}` in the template stands for the config's value of that key.
#[must_use]
pub fn emitted(template: &str, config: &Value) -> String {
    let mut family = template.to_owned();
    for key in template_keys(template) {
        if let Some(value) = config.get(key) {
            family = family.replace(&format!("{{{key}}}"), &text_of(value));
        }
    }
    family
}

/// The config keys a template stands on.
pub fn template_keys(template: &str) -> impl Iterator<Item = &str> {
    template.split('{').skip(1).filter_map(|rest| rest.split_once('}').map(|(key, _)| key))
}

/// Whether a matcher understands a family.
#[must_use]
pub fn accepts(matcher: &Descriptor, family: &str) -> bool {
    matcher.accepts_families.iter().any(|accepted| accepted == ANY || accepted == family)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn templates_are_filled_from_the_config() {
        let config = json!({"model": "n16rot", "dim": 128});
        assert_eq!(emitted("aliked-{model}", &config), "aliked-n16rot");
        assert_eq!(emitted("{model}/{dim}", &config), "n16rot/128");
        assert_eq!(emitted("superpoint-open", &config), "superpoint-open");
        assert_eq!(emitted("a-{other}", &config), "a-{other}");
        assert_eq!(template_keys("{model}/{dim}").collect::<Vec<_>>(), ["model", "dim"]);
    }
}
