//! One part of a job in a worker: what it needs is put back from the object store, what it finishes is kept there.

use std::path::PathBuf;
use std::sync::Arc;

use scene3d_pipeline::{
    Cancel, FinishedWork, KnownPhoto, NamedFile, Observer, PartRequest, PartTask, PipelineError, work_on_part,
};
use sha2::{Digest, Sha256};

use super::images::storage_failure;
use super::job::{failure, hidden, negotiated, pipeline_request, wrong_config};
use super::keeper::{Keeper, KeptWork, key_of};
use super::observer::JobObserver;
use super::protocol::{PartEnding, PartJob};
use super::{Voice, Worker};
use crate::blobs::Blobs;
use crate::error::ServiceError;
use crate::jobs::executor::JobRequest;
use crate::jobs::failure::JobFailure;
use crate::secrets::{hex, random_hex};
use crate::store::jobs::JobImage;

/// Digits of a part's id: enough that no two parts of a job have the same.
const ID_CHARS: usize = 16;

/// Works on a part until it ends.
pub(super) fn run(worker: &Worker, part: &PartJob, voice: &Voice, cancel: &Cancel) -> PartEnding {
    let out = worker.scratch.new_folder_of_part(&part.job, &random_hex()[..ID_CHARS]);
    let ended = out.map_err(|error| storage_failure(&error)).and_then(|out| {
        let ended = try_run(worker, part, out.clone(), (voice, cancel));
        // all that counts is in the object store
        std::fs::remove_dir_all(out).ok();
        ended
    });
    // a job of this process may need its images once more
    if !worker.has_job() {
        worker.cache.make_room();
    }
    match ended {
        _ if cancel.is_cancelled() => PartEnding::Cancelled,
        Ok(()) => PartEnding::Done,
        Err(failure) => PartEnding::Failed(*failure),
    }
}

fn try_run(
    worker: &Worker,
    part: &PartJob,
    out: PathBuf,
    (voice, cancel): (&Voice, &Cancel),
) -> Result<(), Box<JobFailure>> {
    let stored = |error: ServiceError| storage_failure(&error);
    let blobs = Blobs::open(&part.job.objects_url).map_err(stored)?;
    let negotiated = negotiated(worker, &part.job).map_err(|error| wrong_config(&error))?;
    let mut photos: Vec<KnownPhoto> = part.job.images.iter().map(known).collect();
    let request = PartRequest { photos: &photos, task: &part.task, reads_photos: false };

    let kept = KeptWork::of(blobs.clone(), key_of(&part.job.work_folder), id_of(part), out.clone()).map_err(stored)?;
    let begins_with = request.begins_with(&negotiated);
    let journals = request.journals(&negotiated);
    worker.runtime.block_on(kept.put_back_some(&begins_with, &journals)).map_err(stored)?;

    // what is not there is found anew, in the photo
    let is_missing = |name: &String| !FinishedWork::path_in(&out, name).is_file();
    let reads_photos = request.looks_at_photos(&negotiated) || begins_with.iter().any(is_missing);
    if reads_photos {
        let files = worker.runtime.block_on(worker.cache.files(&blobs, &part.job.images, cancel))?;
        let Some(files) = files else { return Ok(()) };
        photos.iter_mut().zip(files).for_each(|(photo, file)| photo.file = file);
    }
    let request = PartRequest { photos: &photos, task: &part.task, reads_photos };

    // pieces of a part that is worked on twice at once are told from each other
    let kept = kept.with_writer_below(&random_hex()[..ID_CHARS]);
    let told_to = (part.job.job_id.clone(), voice.clone());
    let keeper = Keeper::begin(kept, told_to, cancel.clone(), worker.runtime.handle().clone()).map_err(stored)?;
    let hidden = hidden(&out);
    let observer =
        Arc::new(JobObserver::new((&part.job.job_id, voice), Some(keeper.told()), &negotiated, hidden.clone()));
    let job = JobRequest { work_folder: out, ..part.job.clone() };
    let run = pipeline_request(&job, Vec::new(), negotiated);
    let worked = work_on_part(&run, &request, &worker.plugins, Arc::clone(&observer) as Arc<dyn Observer>, cancel);
    keeper.end().map_err(stored)?;
    match worked {
        Err(PipelineError::Cancelled) | Ok(()) => Ok(()),
        Err(error) => Err(failure(&error, &observer, &hidden)),
    }
}

/// What it is, whoever works on it: whoever begins it again finds what was matched.
fn id_of(part: &PartJob) -> String {
    let mut hasher = Sha256::new();
    for image in &part.job.images {
        hasher.update(image.sha256.as_bytes());
    }
    let task = match &part.task {
        PartTask::Extract => "extract",
        PartTask::Describe { codebook } => codebook,
        PartTask::Match { pairs } => {
            pairs.iter().flatten().for_each(|place| hasher.update(place.to_le_bytes()));
            "match"
        }
    };
    hasher.update(task);
    format!("part-{}", &hex(&hasher.finalize())[..ID_CHARS])
}

fn known(image: &JobImage) -> KnownPhoto {
    let file = NamedFile { name: image.name.clone(), path: PathBuf::new() };
    KnownPhoto { file, sha256: image.sha256.clone() }
}
