//! A model string's keywords as numbers of a network; what this crate has one of is only checked.

use crate::architecture::{ConfidenceMode, PATCH_SIZE, Stack};
use crate::model_string::{Call, Literal};
use crate::{Mast3rError, Result};

/// Keywords of the model string, read one by one.
pub(crate) struct Keywords(Call);

impl Keywords {
    /// Of a model string that names nothing this crate lacks.
    pub fn parse(text: &str) -> Result<Self> {
        let keywords = Self(Call::parse(text)?);
        keywords.check_fixed()?;
        Ok(keywords)
    }

    /// What this crate has one of.
    fn check_fixed(&self) -> Result<()> {
        if self.0.name != "AsymmetricMASt3R" {
            return Err(unsupported("class", self.0.name.clone(), "AsymmetricMASt3R"));
        }
        let text = |text: &str| Literal::Text(text.to_owned());
        let number = |number: i64| Literal::Number(number as f64);
        let fixed = [
            ("head_type", true, vec![text("catmlp+dpt")]),
            ("patch_embed_cls", false, vec![text("ManyAR_PatchEmbed"), text("PatchEmbedDust3R")]),
            ("patch_size", false, vec![number(PATCH_SIZE)]),
            ("two_confs", true, vec![Literal::Bool(true)]),
            ("norm_im2_in_dec", false, vec![Literal::Bool(true)]),
            (
                "depth_mode",
                false,
                vec![Literal::Tuple(vec![
                    text("exp"),
                    Literal::Number(f64::NEG_INFINITY),
                    Literal::Number(f64::INFINITY),
                ])],
            ),
            ("desc_mode", false, vec![text("norm"), Literal::Tuple(vec![text("norm")])]),
        ];
        fixed.iter().try_for_each(|(key, is_required, supported)| self.check_one_of(key, *is_required, supported))?;
        self.check_known()
    }

    fn check_one_of(&self, key: &str, is_required: bool, supported: &[Literal]) -> Result<()> {
        let is_supported = self.0.get(key).map_or(!is_required, |value| supported.contains(value));
        let listed = || supported.iter().map(Literal::to_string).collect::<Vec<_>>().join(" or ");
        if is_supported { Ok(()) } else { Err(self.refused(key, &listed())) }
    }

    /// A keyword that nobody reads might have changed the network.
    fn check_known(&self) -> Result<()> {
        const KNOWN: [&str; 21] = [
            "conf_mode",
            "dec_depth",
            "dec_embed_dim",
            "dec_num_heads",
            "depth_mode",
            "desc_conf_mode",
            "desc_mode",
            "enc_depth",
            "enc_embed_dim",
            "enc_num_heads",
            "freeze",
            "head_type",
            "img_size",
            "landscape_only",
            "mlp_ratio",
            "norm_im2_in_dec",
            "output_mode",
            "patch_embed_cls",
            "patch_size",
            "pos_embed",
            "two_confs",
        ];
        let unknown = self.0.keywords.iter().find(|(key, _)| !KNOWN.contains(&key.as_str()));
        let refused = |(key, value): &(String, Literal)| {
            unsupported(key, value.to_string(), &format!("the keywords {}", KNOWN.join(", ")))
        };
        unknown.map_or(Ok(()), |keyword| Err(refused(keyword)))
    }

    pub fn stack(&self, prefix: &str) -> Result<Stack> {
        let integer = |name: &str| self.integer(&format!("{prefix}_{name}"));
        Ok(Stack { dim: integer("embed_dim")?, depth: integer("depth")?, num_heads: integer("num_heads")? })
    }

    fn integer(&self, key: &str) -> Result<i64> {
        self.optional_integer(key)?.ok_or_else(|| self.refused(key, POSITIVE))
    }

    pub fn optional_integer(&self, key: &str) -> Result<Option<i64>> {
        let value = self.0.get(key);
        value.map(|value| positive(value).ok_or_else(|| self.refused(key, POSITIVE))).transpose()
    }

    pub fn image_size(&self) -> Result<[i64; 2]> {
        let sides = match self.0.get("img_size") {
            Some(Literal::Tuple(sides)) => sides.iter().map(positive).collect(),
            Some(side) => positive(side).map(|side| vec![side, side]),
            None => None,
        };
        match sides.as_deref() {
            Some(&[height, width]) if height % PATCH_SIZE == 0 && width % PATCH_SIZE == 0 => Ok([height, width]),
            _ => Err(self.refused("img_size", "one or two multiples of 16")),
        }
    }

    pub fn rope_base(&self) -> Result<f64> {
        let base = match self.0.get("pos_embed") {
            Some(Literal::Text(text)) => text.strip_prefix("RoPE").and_then(|base| base.parse().ok()),
            _ => None,
        };
        base.filter(|base| *base > 1.0).ok_or_else(|| self.refused("pos_embed", "'RoPE' and a base, e.g. 'RoPE100'"))
    }

    pub fn descriptor_dim(&self) -> Result<i64> {
        let dim = match self.0.get("output_mode") {
            Some(Literal::Text(text)) => text.strip_prefix("pts3d+desc").and_then(|dim| dim.parse().ok()),
            _ => None,
        };
        let is_sane = |dim: &i64| (1..=1024).contains(dim);
        dim.filter(is_sane)
            .ok_or_else(|| self.refused("output_mode", "'pts3d+desc' and a number of channels, e.g. 'pts3d+desc24'"))
    }

    pub fn confidence(&self, key: &str) -> Result<Option<ConfidenceMode>> {
        let Some(value) = self.0.get(key) else { return Ok(None) };
        if let Literal::Tuple(items) = value
            && let [Literal::Text(mode), Literal::Number(min), Literal::Number(max)] = items.as_slice()
            && (mode == "exp" && min.is_finite() && min < max)
        {
            return Ok(Some(ConfidenceMode { min: *min, max: *max }));
        }
        Err(self.refused(key, "('exp', min, max) with a finite min below max"))
    }

    fn refused(&self, key: &str, supported: &str) -> Mast3rError {
        unsupported(key, self.0.get(key).map_or("nothing".to_owned(), Literal::to_string), supported)
    }
}

const POSITIVE: &str = "a positive integer";

fn unsupported(key: &str, got: String, supported: &str) -> Mast3rError {
    Mast3rError::Unsupported { key: key.to_owned(), got, supported: supported.to_owned() }
}

/// A size that a network could have: a hostile file must not ask for memory without end.
fn positive(value: &Literal) -> Option<i64> {
    match value {
        Literal::Number(number) if number.fract() == 0.0 && (1.0..=65_536.0).contains(number) => Some(*number as i64),
        _ => None,
    }
}
