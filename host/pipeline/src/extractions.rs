//! Extraction for all entries of `[[features]]`: each distinct extractor once.

use scene3d_engine::{Instance, StagePlan};

use crate::PipelineError;
use crate::artifacts::Artifacts;
use crate::context::Context;
use crate::extract::{Extracted, Tally, extract};
use crate::photos::Photo;

/// Features by extractor. Entries of `[[features]]` with equal extractors share theirs.
pub(crate) struct Extractions {
    of_extractor: Vec<Extracted>,
    extractor_of_entry: Vec<usize>,
}

impl Extractions {
    /// What the extractor of an entry found.
    pub(crate) fn of_entry(&self, entry: usize) -> &Extracted {
        &self.of_extractor[self.extractor_of_entry[entry]]
    }
}

/// Extracts the features of all photos with the extractor of each entry, one extractor after the other, so that only one
/// network is in memory. Also returns how many were reused.
pub(crate) fn extract_all(
    context: &Context<'_>,
    photos: &[Photo],
    artifacts: &Artifacts,
    instances: impl Fn(&StagePlan) -> Result<Vec<Instance>, PipelineError>,
) -> Result<(Extractions, usize), PipelineError> {
    let (extractors, extractor_of_entry) = distinct_extractors(context);
    let mut of_extractor = Vec::with_capacity(extractors.len());
    let mut num_reused = 0;
    for (index, plan) in extractors.iter().enumerate() {
        let tally = Tally { before: index * photos.len(), total: extractors.len() * photos.len() };
        let (extracted, reused) = extract(context, photos, plan, artifacts, tally, || instances(plan))?;
        of_extractor.push(extracted);
        num_reused += reused;
    }
    Ok((Extractions { of_extractor, extractor_of_entry }, num_reused))
}

/// Number of items of the stage: photos by extractors.
pub(crate) fn num_extractions(context: &Context<'_>, num_photos: usize) -> usize {
    distinct_extractors(context).0.len() * num_photos
}

/// The extractors that differ, and which of them each entry has.
fn distinct_extractors<'a>(context: &Context<'a>) -> (Vec<&'a StagePlan>, Vec<usize>) {
    let mut distinct: Vec<&StagePlan> = Vec::new();
    let mut identities: Vec<String> = Vec::new();
    let mut of_entry = Vec::new();
    for entry in &context.request.negotiated.features {
        let identity = entry.extractor.identity_json(context.seed());
        let known = identities.iter().position(|known| *known == identity);
        of_entry.push(known.unwrap_or_else(|| {
            distinct.push(&entry.extractor);
            identities.push(identity);
            distinct.len() - 1
        }));
    }
    (distinct, of_entry)
}
