//! {{name}}: a matcher for scene3d.

use scene3d_sdk::scene::Matches;
use scene3d_sdk::{
    CreateContext, Descriptor, Host, ImageFeatures, Matcher, Prepared, PreparedPair, Result, SdkError, StageKind,
    Tensor, describe, export_plugin, features_ports,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Each descriptor's most similar one in the other image, if that is mutual: replace it with something better.
pub struct Stage {
    config: Config,
}

/// Config keys; doc comments become `scene3d plugin inspect`'s help.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Least cosine of the angle between matched descriptors.
    #[schemars(range(min = -1.0, max = 1.0))]
    pub min_similarity: f32,
}

impl Matcher for Stage {
    type Config = Config;
    type Output = Matches;

    fn descriptor() -> Descriptor {
        let summary = "mutual nearest neighbours";
        Descriptor {
            inputs: features_ports("D", "unit length"),
            accepts_families: vec!["*".into()],
            ..describe(StageKind::Matcher, "{{name}}", env!("CARGO_PKG_VERSION"), "Apache-2.0", summary)
        }
    }

    fn create(config: Config, _: &CreateContext<'_>) -> Result<Self> {
        Ok(Self { config })
    }

    fn prepare(&mut self, image: &ImageFeatures<'_>, _: &Host<'_>) -> Result<Prepared> {
        let descriptors = image.descriptors.as_slice::<f32>()?.to_vec();
        Ok(vec![("descriptors".into(), Tensor::from_vec(descriptors, image.descriptors.shape())?)])
    }

    fn match_pairs(&mut self, pairs: &[PreparedPair<'_>], host: &Host<'_>) -> Result<Vec<Matches>> {
        let match_pair = |pair| {
            host.check_cancelled()?;
            self.match_pair(pair)
        };
        pairs.iter().map(match_pair).collect()
    }
}

impl Stage {
    fn match_pair(&self, pair: &PreparedPair<'_>) -> Result<Matches> {
        let (one, two) = (pair.image1.get("descriptors")?, pair.image2.get("descriptors")?);
        let [Some(&dim1), Some(&dim2)] = [one.shape().last(), two.shape().last()] else {
            return Err(SdkError::invalid_input("descriptors must be [N, D]"));
        };
        if dim1 != dim2 {
            return Err(SdkError::invalid_input(format!("descriptors of {dim1} and {dim2} values can't be compared")));
        }
        let rows =
            |values: &'_ [f32]| values.chunks_exact(dim1.max(1) as usize).map(<[f32]>::to_vec).collect::<Vec<_>>();
        let (one, two) = (rows(one.as_slice()?), rows(two.as_slice()?));
        let (forth, back) = (nearest(&one, &two), nearest(&two, &one));
        let mut matches = Matches::default();
        for (i, found) in forth.iter().enumerate() {
            if let Some((j, similarity)) = *found
                && similarity >= self.config.min_similarity
                && back[j].is_some_and(|(i_back, _)| i_back == i)
            {
                matches.indices.push([i as u32, j as u32]);
                matches.scores.push((1.0 + similarity) / 2.0);
            }
        }
        Ok(matches)
    }
}

fn nearest(from: &[Vec<f32>], to: &[Vec<f32>]) -> Vec<Option<(usize, f32)>> {
    let similarity = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f32>();
    let of = |row: &Vec<f32>| {
        let all = to.iter().enumerate().map(|(j, other)| (j, similarity(row, other)));
        all.max_by(|a, b| a.1.total_cmp(&b.1).then(b.0.cmp(&a.0)))
    };
    from.iter().map(of).collect()
}

export_plugin!(matcher: Stage);
