//! Pictures for `report.html`: thumbnails, keypoints and the matches of each image with its best neighbour.

use std::collections::BTreeMap;
use std::path::Path;

use scene3d_export::{HtmlInputs, MatchSample, Report, Thumbnail, best_neighbours, write_atomic, write_html};
use scene3d_scene::{ImageId, ImagePair, Keypoints};

use crate::PipelineError;
use crate::context::Context;
use crate::extract::PhotoFeatures;
use crate::finished::Finished;

/// Writes the page.
pub(crate) fn write_html_report(
    context: &Context<'_>,
    finished: &Finished<'_>,
    report: &Report,
    path: &Path,
) -> Result<(), PipelineError> {
    let model = finished.mapping.models.first();
    let keypoints = keypoints(finished)?;
    let sample = |pair: ImagePair| {
        let (one, two) = (keypoints.get(&pair.image1)?, keypoints.get(&pair.image2)?);
        Some(MatchSample::of(pair, finished.matched.get(&pair)?, one, two, model))
    };
    let match_samples: Vec<MatchSample> = best_neighbours(&report.pairs).into_iter().filter_map(sample).collect();
    let config_toml = context.request.negotiated.config.to_toml();
    let thumbnails = thumbnails(finished)?;
    let inputs = HtmlInputs {
        report,
        model,
        thumbnails: &thumbnails,
        keypoints: &keypoints,
        match_samples: &match_samples,
        config_toml: &config_toml,
    };
    Ok(write_atomic(path, |sink| write_html(&inputs, sink))?)
}

fn features<'a>(finished: &Finished<'a>) -> impl Iterator<Item = (ImageId, &'a PhotoFeatures)> {
    let photos = finished.photos.photos.iter().zip(finished.extracted);
    photos.filter_map(|(photo, features)| Some((photo.info.image_id, features.as_ref().ok()?)))
}

fn keypoints(finished: &Finished<'_>) -> Result<BTreeMap<ImageId, Keypoints>, PipelineError> {
    let of_image = |(id, features): (ImageId, &PhotoFeatures)| {
        let scores = features.view().slice::<f32>("scores")?.to_vec();
        Ok((id, Keypoints { positions: features.keypoints()?.to_vec(), scores }))
    };
    features(finished).map(of_image).collect()
}

fn thumbnails(finished: &Finished<'_>) -> Result<Vec<Thumbnail>, PipelineError> {
    let of_image = |(image_id, features): (ImageId, &PhotoFeatures)| {
        let jpeg = features.view().slice::<u8>("thumbnail")?.to_vec();
        let size = features.view().rows::<u32, 2>("thumbnail_size")?;
        Ok(Thumbnail { image_id, size: size.first().copied().unwrap_or_default(), jpeg })
    };
    features(finished).map(of_image).collect()
}
