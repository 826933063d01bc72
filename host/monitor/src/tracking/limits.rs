//! Keys and values as MLflow takes them: <https://mlflow.org/docs/latest/api_reference/rest-api.html>, and `validation.py` of
//! version 3.17. They are made to fit before they are recorded, so that the spool holds what the server will.

/// Of metrics, parameters and tags.
const MAX_KEY_CHARS: usize = 250;
/// Of a parameter; longer ones are cut.
pub const MAX_PARAM_CHARS: usize = 6000;
/// Of a tag; longer ones are cut.
pub const MAX_TAG_CHARS: usize = 5000;
/// Of names of experiments, runs and models.
const MAX_NAME_CHARS: usize = 250;

/// A key of letters, digits and `_-. /`, with nothing in it that reads as a path upwards.
pub fn key(text: &str) -> String {
    let plain: String = text.chars().map(|char| if is_of_key(char) { char } else { '_' }).collect();
    let segments = plain.split('/').filter(|segment| !segment.trim_matches('.').is_empty());
    let key = cut(&segments.collect::<Vec<_>>().join("/"), MAX_KEY_CHARS);
    let key = key.trim_end_matches('/');
    if key.is_empty() { "_".to_owned() } else { key.to_owned() }
}

/// A name of an experiment, a run or a model; the latter allow neither `/` nor `:`.
pub fn name(text: &str) -> String {
    let plain: String =
        text.chars().map(|char| if "/:%\"'".contains(char) || char.is_control() { '_' } else { char }).collect();
    let name = cut(plain.trim(), MAX_NAME_CHARS);
    if name.is_empty() { "_".to_owned() } else { name }
}

/// An alias of a model: letters, digits and `_-`. `latest` and `v1` mean something else to the server.
pub fn alias(text: &str) -> String {
    let plain: String =
        text.chars().map(|char| if char.is_ascii_alphanumeric() || "_-".contains(char) { char } else { '_' }).collect();
    let alias = cut(&plain, MAX_NAME_CHARS);
    let digits = alias.strip_prefix(['v', 'V']).unwrap_or_default();
    let is_number = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    if alias.is_empty() || is_number || alias.eq_ignore_ascii_case("latest") { format!("_{alias}") } else { alias }
}

/// The value of a parameter or tag; the end of a long one says how much is missing.
pub fn value(text: &str, max_chars: usize) -> String {
    let num_chars = text.chars().count();
    if num_chars <= max_chars {
        return text.to_owned();
    }
    let note = format!(" ... ({num_chars} characters)");
    cut(text, max_chars - note.len()) + &note
}

fn is_of_key(char: char) -> bool {
    char.is_ascii_alphanumeric() || "_-. /".contains(char)
}

fn cut(text: &str, max_chars: usize) -> String {
    text.chars().take(max_chars).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_keep_what_mlflow_takes() {
        assert_eq!(key("features.0.extractor/max keypoints"), "features.0.extractor/max keypoints");
        assert_eq!(key("Öl:50%"), "_l_50_");
        assert_eq!(key("/a//../b/"), "a/b");
        assert_eq!(key("../.."), "_");
        assert_eq!(key(&"x".repeat(300)).len(), 250);
    }

    #[test]
    fn long_values_say_that_they_were_cut() {
        assert_eq!(value("short", MAX_PARAM_CHARS), "short");
        let cut = value(&"é".repeat(7000), MAX_PARAM_CHARS);
        assert_eq!(cut.chars().count(), MAX_PARAM_CHARS);
        assert!(cut.ends_with("é ... (7000 characters)"));
    }

    #[test]
    fn names_are_never_empty() {
        assert_eq!(name(" aliked+lightglue "), "aliked+lightglue");
        assert_eq!(name("a/b:c"), "a_b_c");
        assert_eq!(name("  "), "_");
    }

    #[test]
    fn aliases_avoid_the_words_of_the_server() {
        assert_eq!(
            ["champion", "Latest", "v12", "a.b", "", "vote"].map(alias),
            ["champion", "_Latest", "_v12", "a_b", "_", "vote"]
        );
    }
}
