//! Pictures for `report.html`: thumbnails, keypoints and the matches of each image with its best neighbour.

use std::collections::BTreeMap;
use std::path::Path;

use scene3d_export::{HtmlInputs, MatchSample, Report, Thumbnail, best_neighbours, write_atomic, write_html};
use scene3d_scene::{ImageId, ImagePair, Keypoints};

use crate::PipelineError;
use crate::context::Context;
use crate::finished::Finished;
use crate::joined::JoinedImage;

/// Writes the page.
pub(crate) fn write_html_report(
    context: &Context<'_>,
    finished: &Finished<'_>,
    report: &Report,
    path: &Path,
) -> Result<(), PipelineError> {
    let model = finished.mapping.models.first();
    let keypoints: BTreeMap<ImageId, Keypoints> =
        images(finished).map(|(id, image)| (id, image.found.keypoints.clone())).collect();
    let sample = |pair: ImagePair| {
        let (one, two) = (keypoints.get(&pair.image1)?, keypoints.get(&pair.image2)?);
        Some(MatchSample::of(pair, &finished.joined.matched.get(&pair)?.matches, one, two, model))
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

fn images<'a>(finished: &Finished<'a>) -> impl Iterator<Item = (ImageId, &'a JoinedImage<'a>)> {
    let photos = finished.photos.photos.iter().zip(&finished.joined.images);
    photos.filter_map(|(photo, image)| Some((photo.info.image_id, image.as_ref().ok()?)))
}

fn thumbnails(finished: &Finished<'_>) -> Result<Vec<Thumbnail>, PipelineError> {
    let of_image = |(image_id, image): (ImageId, &JoinedImage<'_>)| {
        let features = image.first.view();
        let jpeg = features.slice::<u8>("thumbnail")?.to_vec();
        let size = features.rows::<u32, 2>("thumbnail_size")?;
        Ok(Thumbnail { image_id, size: size.first().copied().unwrap_or_default(), jpeg })
    };
    images(finished).map(of_image).collect()
}
