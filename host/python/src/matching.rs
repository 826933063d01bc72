//! Matching outside of a run: each image prepared once, then each pair, by whichever instance is free.

use std::collections::BTreeSet;
use std::sync::Arc;

use scene3d_engine::{Instance, StagePlan};
use scene3d_pipeline::{Cancel, Event, PairFound, PhotoLimits, StageName, decode, single};
use scene3d_scene::Matches;
use scene3d_wire::{ImageFeatures, Prepared};

use crate::callbacks::Callbacks;
use crate::failure::Failure;
use crate::features::Features;
use crate::found::Found;
use crate::photos::read_one;
use crate::pipeline::Inner;

/// What the matcher of an entry finds in each pair of images, in order.
pub(crate) fn match_pairs(
    pipeline: &Inner,
    entry: usize,
    images: &[Features],
    pairs: Vec<[usize; 2]>,
    callbacks: &Arc<Callbacks>,
) -> Result<Vec<Found>, Failure> {
    let plan = &pipeline.entry(entry)?.matcher;
    check_pairs(&pairs, images.len())?;
    let used: BTreeSet<usize> =
        pairs.iter().flatten().copied().filter(|&index| can_be_matched(plan, &images[index])).collect();
    let cancel = &callbacks.cancel;
    let turn = pipeline.stages.matcher(entry, plan, pipeline.parts(), callbacks)?;
    let pool = turn.pool()?;
    let mut prepared: Vec<Option<Prepared>> = images.iter().map(|_| None).collect();
    pool.run_ordered(
        used,
        |instance, index| Ok((index, prepare(instance, plan, &images[index], cancel)?)),
        |(index, image)| {
            prepared[index] = Some(image);
            Ok::<_, Failure>(())
        },
    )?;
    let total = pairs.len();
    let mut found = Vec::with_capacity(total);
    pool.run_ordered(
        pairs,
        |instance, pair| Ok((pair, find(instance, images, &prepared, pair, cancel)?)),
        |(pair, of_pair)| {
            found.push(of_pair);
            let [name1, name2] = pair.map(|index| &images[index].name);
            let what = format!("{name1} x {name2}");
            callbacks.teller.event(&Event::Progress { stage: StageName::Match, done: found.len(), total, what });
            Ok::<_, Failure>(())
        },
    )?;
    Ok(found)
}

/// Where nothing can be found, the matcher is not asked, as in a run.
fn can_be_matched(plan: &StagePlan, image: &Features) -> bool {
    image.num_keypoints() > 0 || plan.finds_correspondences()
}

fn check_pairs(pairs: &[[usize; 2]], num_images: usize) -> Result<(), Failure> {
    let is_wrong = |pair: &&[usize; 2]| pair[0] == pair[1] || pair.iter().any(|&index| index >= num_images);
    match pairs.iter().find(is_wrong) {
        None => Ok(()),
        Some(pair) => {
            Err(Failure::of_input(format!("pair {pair:?}: expected two different places below {num_images}, from 0")))
        }
    }
}

fn prepare(instance: &Instance, plan: &StagePlan, image: &Features, cancel: &Cancel) -> Result<Prepared, Failure> {
    check(cancel)?;
    if !plan.needs_pixels() {
        return Ok(single::prepare(instance, &image.view())?);
    }
    let Some(path) = &image.path else {
        let message =
            format!("matcher `{}` looks at photos, and features `{}` have no path", plan.plugin_id(), image.name);
        return Err(Failure::of_input(message));
    };
    let photo = read_one(path, PhotoLimits::default(), cancel)?;
    let decoded = decode(&photo, plan.max_long_side_px.unwrap_or(u32::MAX))?;
    Ok(single::prepare(instance, &ImageFeatures { pixels: Some(decoded.pixels.view()), ..image.view() })?)
}

fn find(
    instance: &Instance,
    images: &[Features],
    prepared: &[Option<Prepared>],
    pair: [usize; 2],
    cancel: &Cancel,
) -> Result<Found, Failure> {
    check(cancel)?;
    let [Some(image1), Some(image2)] = pair.map(|index| prepared[index].as_ref()) else {
        return Found::new(PairFound::Matches(Matches::default()));
    };
    let num_keypoints = pair.map(|index| images[index].num_keypoints());
    let image_sizes = pair.map(|index| images[index].image_size);
    Found::new(single::find(instance, [image1, image2], num_keypoints, image_sizes)?)
}

fn check(cancel: &Cancel) -> Result<(), Failure> {
    if cancel.is_cancelled() { Err(Failure::cancelled()) } else { Ok(()) }
}
