//! Fills in the report of a run from what its stages found.

use std::collections::BTreeMap;

use scene3d_engine::StagePlan;
use scene3d_export::{
    ConfigFacts, Histogram, ImageReport, OtherModel, OutputFile, PairReport, PluginFacts, REPORT_SCHEMA_VERSION,
    Report, RunFacts, Verdict, WeightsFacts,
};
use scene3d_scene::{ImageId, ImagePair, Observation, Reconstruction};
use scene3d_wire::VerifiedPair;

use crate::PipelineError;
use crate::context::Context;
use crate::finished::Finished;
use crate::hash::key_of;
use crate::join::JoinedMatches;
use crate::joined::JoinedImage;
use crate::memory::peak_resident_bytes;
use crate::photos::{Photo, Rejected};
use crate::source_report::sources;
use crate::verdict::{Evidence, Explained, Facts, explain, median};

/// Images of other models named in the report.
const FIRST_OTHER_MODEL: usize = 1;

/// The report of a finished run.
pub(crate) fn run_report(
    context: &Context<'_>,
    finished: &Finished<'_>,
    outputs: Vec<OutputFile>,
) -> Result<Report, PipelineError> {
    let model = finished.mapping.models.first();
    let stages = context.request.negotiated.distinct_stages();
    Ok(Report {
        schema_version: REPORT_SCHEMA_VERSION,
        run: run_facts(context, finished),
        plugins: stages.iter().map(|plan| plugin_facts(plan)).collect(),
        weights: stages.iter().flat_map(|plan| weights_facts(plan)).collect(),
        stages: context.stage_times.clone(),
        statistics: model.map(Reconstruction::statistics),
        images: image_reports(finished)?,
        pairs: pair_reports(finished),
        sources: sources(context, finished),
        reprojection_errors_px: model.map(Histogram::of_reprojection_errors).unwrap_or_default(),
        track_lengths: model.map(Histogram::of_track_lengths).unwrap_or_default(),
        other_models: other_models(finished),
        transfers: context.transfers.of_run(),
        warnings: context.warnings(),
        outputs,
    })
}

fn run_facts(context: &Context<'_>, finished: &Finished<'_>) -> RunFacts {
    let request = context.request;
    let config = request.negotiated.config.to_toml();
    RunFacts {
        scene3d_version: env!("CARGO_PKG_VERSION").to_owned(),
        started_at: context.started_at.clone(),
        total_secs: context.elapsed_secs(),
        photos: request.photos.describe(),
        device: context.device().to_string(),
        threads: context.threads(),
        seed: context.seed(),
        config: ConfigFacts {
            name: request.config_name.clone(),
            sha256: key_of([config.as_bytes()]),
            command: request.command.clone(),
        },
        mapper_engine: Some(finished.mapping.engine.clone()),
        peak_memory_bytes: peak_resident_bytes(),
    }
}

fn plugin_facts(plan: &StagePlan) -> PluginFacts {
    PluginFacts {
        id: plan.plugin_id().to_owned(),
        kind: plan.kind().name().to_owned(),
        version: plan.descriptor.version.clone(),
        license: plan.descriptor.license.clone(),
    }
}

fn weights_facts(plan: &StagePlan) -> Vec<WeightsFacts> {
    let facts = |weight: &scene3d_engine::WeightFile| WeightsFacts {
        plugin: plan.plugin_id().to_owned(),
        name: weight.name.clone(),
        sha256: weight.sha256.clone(),
        license: weight.license.clone(),
    };
    plan.weights.iter().map(facts).collect()
}

fn image_reports(finished: &Finished<'_>) -> Result<Vec<ImageReport>, PipelineError> {
    let counts = MatchCounts::of(finished);
    let sharpness = finished.joined.images.iter().flatten().map(|image| Ok(f64::from(image.first.sharpness()?)));
    let evidence = Evidence {
        matched: &finished.joined.matched,
        mapping: finished.mapping,
        median_sharpness: median(sharpness.collect::<Result<_, PipelineError>>()?),
    };
    let of_photo = |(photo, image): (&Photo, &Result<JoinedImage<'_>, Rejected>)| {
        photo_report(photo, image, &evidence, &counts, finished.mapping.models.first())
    };
    let mut reports: Vec<ImageReport> =
        finished.photos.photos.iter().zip(&finished.joined.images).map(of_photo).collect::<Result<_, _>>()?;
    // they have no id in the run; numbers behind the photos' keep them apart in the report
    let numbers = finished.photos.photos.len() as u32 + 1..;
    reports.extend(numbers.zip(&finished.photos.rejected).map(rejected_report));
    Ok(reports)
}

fn photo_report(
    photo: &Photo,
    image: &Result<JoinedImage<'_>, Rejected>,
    evidence: &Evidence<'_>,
    counts: &MatchCounts,
    model: Option<&Reconstruction>,
) -> Result<ImageReport, PipelineError> {
    let image_id = photo.info.image_id;
    let found = image.as_ref().ok();
    let num_keypoints = found.map_or(0, |image| image.found.keypoints.len());
    let sharpness = found.map(|image| image.first.sharpness()).transpose()?.map(f64::from);
    let facts = Facts { image_id, rejected: image.as_ref().err(), sharpness, num_keypoints };
    let Explained { verdict, reason, next_step } = explain(facts, evidence);
    let registered = model.and_then(|model| model.images.get(&image_id));
    let errors_px: Vec<f64> = model.map(|model| errors_of_image_px(model, image_id)).unwrap_or_default();
    Ok(ImageReport {
        image_id: image_id.0,
        name: photo.info.name.clone(),
        image_size: Some(photo.info.image_size),
        num_keypoints,
        num_matches: counts.matches.get(&image_id).copied().unwrap_or(0),
        num_inlier_matches: counts.inliers.get(&image_id).copied().unwrap_or(0),
        registered: verdict == Verdict::Registered,
        verdict,
        reason,
        next_step,
        sharpness,
        projection_center: registered.map(|image| image.cam_from_world.origin_in_b().into()),
        num_observations: errors_px.len(),
        mean_reprojection_error_px: (!errors_px.is_empty())
            .then(|| errors_px.iter().sum::<f64>() / errors_px.len() as f64),
    })
}

fn rejected_report((image_id, rejected): (u32, &Rejected)) -> ImageReport {
    ImageReport {
        image_id,
        name: rejected.name.clone(),
        image_size: None,
        num_keypoints: 0,
        num_matches: 0,
        num_inlier_matches: 0,
        registered: false,
        verdict: rejected.verdict,
        reason: rejected.reason.clone(),
        next_step: rejected.next_step.clone(),
        sharpness: None,
        projection_center: None,
        num_observations: 0,
        mean_reprojection_error_px: None,
    }
}

fn errors_of_image_px(model: &Reconstruction, image_id: ImageId) -> Vec<f64> {
    let Some(image) = model.images.get(&image_id) else { return Vec::new() };
    let observed = image.point3d_ids.iter().enumerate().filter_map(|(idx, id)| Some((idx, id.as_ref()?)));
    let error = |(idx, id)| {
        let observation = Observation { image_id, keypoint_idx: idx as u32 };
        model.reprojection_error_px(observation, model.points3d.get(id)?)
    };
    observed.filter_map(error).collect()
}

/// Matches and inlier matches of each image over all its pairs.
#[derive(Default)]
struct MatchCounts {
    matches: BTreeMap<ImageId, usize>,
    inliers: BTreeMap<ImageId, usize>,
}

impl MatchCounts {
    fn of(finished: &Finished<'_>) -> Self {
        let mut counts = Self::default();
        for (pair, joined) in &finished.joined.matched {
            add(&mut counts.matches, *pair, joined.matches.len());
        }
        for verified in &finished.mapping.verified_pairs {
            add(&mut counts.inliers, verified.pair, verified.num_inliers);
        }
        counts
    }
}

fn add(counts: &mut BTreeMap<ImageId, usize>, pair: ImagePair, count: usize) {
    for image in [pair.image1, pair.image2] {
        *counts.entry(image).or_default() += count;
    }
}

fn pair_reports(finished: &Finished<'_>) -> Vec<PairReport> {
    let verified: BTreeMap<ImagePair, &VerifiedPair> =
        finished.mapping.verified_pairs.iter().map(|verified| (verified.pair, verified)).collect();
    let report = |(pair, joined): (&ImagePair, &JoinedMatches)| PairReport {
        image1: pair.image1.0,
        image2: pair.image2.0,
        num_matches: joined.matches.len(),
        num_inliers: verified.get(pair).map_or(0, |verified| verified.num_inliers),
        configuration: verified.get(pair).map(|verified| verified.configuration),
    };
    finished.joined.matched.iter().map(report).collect()
}

fn other_models(finished: &Finished<'_>) -> Vec<OtherModel> {
    let models = finished.mapping.models.iter().enumerate().skip(FIRST_OTHER_MODEL);
    let other = |(model, reconstruction): (usize, &Reconstruction)| OtherModel {
        model,
        statistics: reconstruction.statistics(),
        images: reconstruction.images.values().map(|image| image.name.clone()).collect(),
    };
    models.map(other).collect()
}
