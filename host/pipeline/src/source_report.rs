//! What each entry of `[[features]]` contributed.

use scene3d_export::SourceReport;
use scene3d_scene::Reconstruction;

use crate::context::Context;
use crate::finished::Finished;
use crate::join::SourceSet;

/// One row an entry, in their order. What several entries found counts for each of them.
pub(crate) fn sources(context: &Context<'_>, finished: &Finished<'_>) -> Vec<SourceReport> {
    let entries = context.request.negotiated.features.iter().enumerate();
    let report = |(source, entry): (usize, &scene3d_engine::FeaturesPlan)| SourceReport {
        name: entry.name(),
        num_keypoints: count(source, finished.joined.images.iter().flatten().flat_map(|image| &image.found.sources)),
        num_matches: count(source, finished.joined.matched.values().flat_map(|joined| &joined.sources)),
        num_observations: finished.mapping.models.first().map_or(0, |model| num_observations(source, finished, model)),
    };
    entries.map(report).collect()
}

fn count<'a>(source: usize, sets: impl Iterator<Item = &'a SourceSet>) -> usize {
    sets.filter(|set| set.contains(source)).count()
}

/// Observations of the model's points at keypoints that this entry found.
fn num_observations(source: usize, finished: &Finished<'_>, model: &Reconstruction) -> usize {
    let of_image = |(id, registered): (&scene3d_scene::ImageId, &scene3d_scene::RegisteredImage)| {
        let Some(image) = finished.joined.image(*id) else { return 0 };
        let observed = registered.point3d_ids.iter().zip(&image.found.sources).filter(|(point, _)| point.is_some());
        count(source, observed.map(|(_, set)| set))
    };
    model.images.iter().map(of_image).sum()
}
