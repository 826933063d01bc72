//! Match pairs with the matcher of each entry of `[[features]]`; those of an earlier run are read, not computed.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use scene3d_engine::{Instance, StagePlan};
use scene3d_scene::{ImageId, ImagePair};

use crate::PipelineError;
use crate::artifacts::{match_stage_key, pair_key};
use crate::context::Context;
use crate::delegate::{Delegate, work_elsewhere};
use crate::extract::{Tally, place_of};
use crate::extractions::{Extractions, Sources};
use crate::journal::Journal;
use crate::match_work::{MatchWork, Places};
use crate::observer::StageName;
use crate::pair_found::{FoundKind, PairFound};
use crate::photo_features::{Extracted, PhotoFeatures};
use crate::split::blocks;

/// What was found by pair.
pub(crate) type Found = BTreeMap<ImagePair, PairFound>;

/// Matches all pairs with the matcher of each entry of `[[features]]`, one after the other. Also returns how many were
/// reused.
pub(crate) fn match_all(
    sources: Sources<'_>,
    pairs: &[ImagePair],
    extractions: &mut Extractions,
    spawn: impl Fn(&StagePlan) -> Result<Vec<Arc<Instance>>, PipelineError>,
) -> Result<(Vec<Found>, usize), PipelineError> {
    let entries = sources.context.request.negotiated.features.len();
    let find_missing = |extractions: &Extractions| -> Result<Vec<Entry>, PipelineError> {
        (0..entries).map(|index| Entry::open(sources, index, pairs, extractions.of_entry(index))).collect()
    };
    let mut opened = find_missing(extractions)?;
    let num_items = entries * pairs.len();
    let num_reused = num_items - num_missing(&opened);
    if let Some(delegate) = &sources.context.delegate {
        let missing: BTreeSet<ImagePair> = opened.iter().flat_map(|entry| &entry.missing).copied().collect();
        // whoever gives back what was found appends it to the journals
        drop(opened);
        match_elsewhere(sources, delegate.as_ref(), &missing, [num_reused, num_items])?;
        opened = find_missing(extractions)?;
    }
    // what was found again may differ, and then more is missing
    while extractions.extract_again(sources, needed(&opened, extractions).into_iter(), &spawn)? {
        opened = find_missing(extractions)?;
    }
    for (index, kept) in needed_by_entry(&opened, extractions) {
        sources.resident.expect(kept, [Places::of_entry(index).first()]);
    }
    let mut of_entries = Vec::with_capacity(entries);
    for (index, entry) in opened.into_iter().enumerate() {
        let tally = Tally { before: index * pairs.len(), total: num_items };
        of_entries.push(entry.run(sources, index, extractions, tally, &spawn)?);
    }
    report_evictions(sources);
    Ok((of_entries, num_reused))
}

fn num_missing(entries: &[Entry]) -> usize {
    entries.iter().map(|entry| entry.missing.len()).sum()
}

/// In blocks whose images fit the budget of memory, with what the matcher makes of them.
fn match_elsewhere(
    sources: Sources<'_>,
    delegate: &dyn Delegate,
    missing: &BTreeSet<ImagePair>,
    reused_of_total: [usize; 2],
) -> Result<(), PipelineError> {
    let images_that_fit = sources.resident.budget_bytes() / (2 * Extractions::largest_image_bytes(sources)).max(1);
    let parts = blocks(sources.photos, missing, delegate.images_per_block().min(images_that_fit));
    work_elsewhere(sources.context, delegate, parts, (StageName::Match, reused_of_total))
}

/// An entry of `[[features]]` with what an earlier run matched and what is missing.
struct Entry {
    journal: Journal,
    matched: Found,
    missing: Vec<ImagePair>,
}

impl Entry {
    fn open(
        sources: Sources<'_>,
        index: usize,
        pairs: &[ImagePair],
        extracted: &Extracted,
    ) -> Result<Self, PipelineError> {
        let Context { request, .. } = sources.context;
        let plan = &request.negotiated.features[index];
        let (stage_key, kind) = (match_stage_key(plan, sources.context.seed()), FoundKind::of(&plan.matcher));
        let mut journal = Journal::open(&sources.artifacts.matches(&stage_key), kind)?;
        let mut matched = BTreeMap::new();
        let mut missing = Vec::new();
        for &pair in pairs {
            match features_of(extracted, pair, kind) {
                None => drop(matched.insert(pair, kind.nothing())),
                Some([a, b]) => match journal.take(&pair_key(&a.found, &b.found)) {
                    Some(matches) => drop(matched.insert(pair, matches)),
                    None => missing.push(pair),
                },
            }
        }
        Ok(Self { journal, matched, missing })
    }

    fn run(
        self,
        sources: Sources<'_>,
        index: usize,
        extractions: &Extractions,
        tally: Tally,
        spawn: impl FnOnce(&StagePlan) -> Result<Vec<Arc<Instance>>, PipelineError>,
    ) -> Result<Found, PipelineError> {
        let Self { journal, mut matched, missing } = self;
        let reused = matched.len();
        if !missing.is_empty() {
            let plan = &sources.context.request.negotiated.features[index];
            let tally = Tally { before: tally.before + reused, ..tally };
            let work = MatchWork { sources, extractions, index, plan, journal: &journal, tally };
            matched.extend(work.run(missing, &spawn(&plan.matcher)?)?);
        }
        Ok(matched)
    }
}

/// Features of both images, if both have keypoints or none are needed.
pub(crate) fn features_of(extracted: &Extracted, pair: ImagePair, kind: FoundKind) -> Option<[&PhotoFeatures; 2]> {
    let of = |id: ImageId| {
        let features = extracted.get(place_of(id))?.as_ref().ok()?;
        let has_keypoints = features.keypoints().is_ok_and(|keypoints| !keypoints.is_empty());
        (has_keypoints || kind == FoundKind::Correspondences).then_some(features)
    };
    Some([of(pair.image1)?, of(pair.image2)?])
}

/// Images of the missing pairs, each once, for each entry.
fn needed_by_entry(entries: &[Entry], extractions: &Extractions) -> Vec<(usize, crate::resident::Kept)> {
    let of_entry = |(index, entry): (usize, &Entry)| {
        let mut images: Vec<usize> =
            entry.missing.iter().flat_map(|pair| [pair.image1, pair.image2]).map(place_of).collect();
        images.sort_unstable();
        images.dedup();
        images.into_iter().map(move |image| (index, extractions.descriptors(index, image))).collect::<Vec<_>>()
    };
    entries.iter().enumerate().flat_map(of_entry).collect()
}

fn needed(entries: &[Entry], extractions: &Extractions) -> Vec<crate::resident::Kept> {
    needed_by_entry(entries, extractions).into_iter().map(|(_, kept)| kept).collect()
}

fn report_evictions(sources: Sources<'_>) {
    let (account, budget_mib) = (sources.resident.account(), sources.resident.budget_bytes() >> 20);
    if account.num_evictions > 0 {
        let (waited, returned) = (account.num_evictions, account.num_restores);
        sources.context.log_info(format!(
            "{waited} times tensors of an image made room and {returned} times they came back: they did not all fit into \
             {budget_mib} MiB; pipeline.resident_mib allows more"
        ));
    }
}
