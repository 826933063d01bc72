//! One job in a worker: images, config, run, results.

use std::path::Path;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use scene3d_engine::{EngineError, Negotiated, code_row, negotiate};
use scene3d_pipeline::{
    Cancel, Delegate, NamedFile, Observer, Outcome, PhotoLimits, PhotoSource, PipelineError, Request, StageName,
    inherit_artifacts, reconstruct_with, reset_peak_resident_bytes,
};

use super::delegating::Delegating;
use super::images::storage_failure;
use super::keeper::{Keeper, KeptWork, key_of};
use super::observer::{Hidden, JobObserver};
use super::results::Results;
use super::{Talk, Worker};
use crate::blobs::Blobs;
use crate::error::Result;
use crate::jobs::executor::{Ending, JobRequest};
use crate::jobs::failure::{DISK_FULL, JobFailure, STORAGE};

/// A worker whose server was killed lets go of the work folder within this time.
const MAX_WAIT_FOR_FOLDER: Duration = Duration::from_secs(15);
/// How often is looked whether it did.
const POLL: Duration = Duration::from_millis(100);

/// Works on a job until it ends.
pub(super) fn run(worker: &Worker, request: &JobRequest, talk: &Talk<'_>) -> Ending {
    let cancel = talk.cancel;
    // so that each job's report tells its own
    reset_peak_resident_bytes();
    let ending = try_run(worker, request, talk).unwrap_or_else(|failure| Ending::Failed(*failure));
    worker.cache.make_room();
    if request.is_kept() {
        // all that counts is in the object store
        std::fs::remove_dir_all(worker.scratch.folder_of(request)).ok();
    }
    match &ending {
        // the run was cancelled because its work could not be kept
        Ending::Failed(failure) if request.is_kept() && [STORAGE, DISK_FULL].contains(&failure.code.as_str()) => ending,
        // whatever else came of it, nobody asks for it any more
        _ if cancel.is_cancelled() => Ending::Cancelled,
        _ => ending,
    }
}

fn try_run(worker: &Worker, request: &JobRequest, talk: &Talk<'_>) -> Result<Ending, Box<JobFailure>> {
    let Talk { voice, cancel, .. } = *talk;
    let blobs = Blobs::open(&request.objects_url).map_err(|error| storage_failure(&error))?;
    let negotiated = negotiated(worker, request).map_err(|error| wrong_config(&error))?;
    let files = worker.runtime.block_on(worker.cache.files(&blobs, &request.images, cancel))?;
    let Some(files) = files else { return Ok(Ending::Cancelled) };
    let given = request;
    let (request, kept) = begin_keeping(worker, given, &blobs, talk).map_err(|error| storage_failure(&error))?;
    let request = &request;
    let delegate = kept.as_ref().and_then(|kept| delegate_of(worker, given, kept, talk));
    let keeper = kept.map(|(_, keeper)| keeper);

    let hidden = hidden(&request.work_folder);
    let told = keeper.as_ref().map(Keeper::told);
    let observer = Arc::new(JobObserver::new((&request.job_id, voice), told, &negotiated, hidden.clone()));
    let run = pipeline_request(request, files, negotiated);
    let ran = reconstruct_in_turn(worker, &run, &observer, (cancel, delegate));
    keeper.map_or(Ok(()), Keeper::end).map_err(|error| storage_failure(&error))?;
    let results = match &ran {
        // the report of a run that found no model says why
        Ok(_) | Err(PipelineError::NoModel { .. }) => Results::read(&request.work_folder),
        Err(PipelineError::Cancelled) => return Ok(Ending::Cancelled),
        Err(_) => Results::default(),
    };
    let put = worker.runtime.block_on(results.put(&blobs, request, voice, cancel));
    ran.map_err(|error| failure(&error, &observer, &hidden))?;
    put.map_err(|error| storage_failure(&error))?;
    results.transferred().into_iter().for_each(|event| voice.event(&request.job_id, event));
    Ok(Ending::Finished { statistics: results.statistics, images: results.images })
}

/// Work that is kept in the object store is put back into a folder of this machine, and kept from there.
fn begin_keeping(
    worker: &Worker,
    request: &JobRequest,
    blobs: &Blobs,
    talk: &Talk<'_>,
) -> Result<(JobRequest, Option<(KeptWork, Keeper)>)> {
    if !request.is_kept() {
        return Ok((request.clone(), None));
    }
    let out = worker.scratch.new_folder(request)?;
    let writer = format!("{:06}", request.attempt);
    let kept = KeptWork::of(blobs.clone(), key_of(&request.work_folder), writer, out.clone())?;
    if let Some(folder) = &request.inherit_from {
        worker.runtime.block_on(kept.inherit(&key_of(folder)))?;
    }
    worker.runtime.block_on(kept.put_back())?;
    let (told_to, runtime) = ((request.job_id.clone(), talk.voice.clone()), worker.runtime.handle().clone());
    let keeper = Keeper::begin(kept.clone(), told_to, talk.cancel.clone(), runtime)?;
    Ok((JobRequest { work_folder: out, inherit_from: None, ..request.clone() }, Some((kept, keeper))))
}

/// Who has parts of a large job done elsewhere.
fn delegate_of(
    worker: &Worker,
    job: &JobRequest,
    (kept, keeper): &(KeptWork, Keeper),
    talk: &Talk<'_>,
) -> Option<Arc<dyn Delegate>> {
    let delegation = worker.delegation.filter(|delegation| job.images.len() >= delegation.min_images)?;
    Some(Arc::new(Delegating {
        delegation,
        job: job.clone(),
        kept: kept.clone(),
        runtime: worker.runtime.handle().clone(),
        told: keeper.told(),
        answers: Arc::clone(talk.answers),
    }))
}

/// What is left of a path names an artifact.
pub(super) fn hidden(work_folder: &Path) -> Hidden {
    let folder = work_folder.display();
    Hidden(vec![(format!("{folder}/"), ""), (folder.to_string(), "the job's folder")])
}

pub(super) fn negotiated(worker: &Worker, request: &JobRequest) -> Result<Negotiated, EngineError> {
    Ok(negotiate(&worker.config(request)?, &worker.plugins.registry, &worker.weights_dirs)?)
}

pub(super) fn pipeline_request(request: &JobRequest, files: Vec<NamedFile>, negotiated: Negotiated) -> Request {
    if let Some(from) = &request.inherit_from
        && let Err(error) = inherit_artifacts(from, &request.work_folder)
    {
        // they only save time, and a disk that takes nothing is told by the run itself
        tracing::warn!(%error, "no stages are inherited");
    }
    Request {
        photos: PhotoSource::Files(files),
        out: request.work_folder.clone(),
        config_name: request.config_name.clone(),
        negotiated,
        // an earlier attempt may have begun
        resume: true,
        limits: PhotoLimits { max_pixels: request.max_pixels },
        command: format!("scene3d reconstruct PHOTOS --config {}.toml --out OUT", request.config_name),
    }
}

/// Once the work folder is free.
fn reconstruct_in_turn(
    worker: &Worker,
    request: &Request,
    observer: &Arc<JobObserver>,
    (cancel, delegate): (&Cancel, Option<Arc<dyn Delegate>>),
) -> Result<Outcome, PipelineError> {
    let started = Instant::now();
    loop {
        let observer: Arc<dyn Observer> = Arc::clone(observer) as _;
        match reconstruct_with(request, &worker.plugins, observer, cancel, delegate.clone()) {
            Err(PipelineError::OutputBusy(_)) if started.elapsed() < MAX_WAIT_FOR_FOLDER && !cancel.is_cancelled() => {
                thread::sleep(POLL);
            }
            other => return other,
        }
    }
}

pub(super) fn failure(error: &PipelineError, observer: &JobObserver, hidden: &Hidden) -> Box<JobFailure> {
    let stage = match error {
        // the export was begun all the same: its report says why
        PipelineError::NoModel { .. } => Some(StageName::Map),
        _ => observer.stage(),
    };
    let failure = error.failure(stage);
    let code = match error {
        PipelineError::NoModel { .. } => "no_model",
        PipelineError::TooFewPhotos { .. } => "too_few_images",
        full if full.is_disk_full() => DISK_FULL,
        PipelineError::ReadFile { .. } | PipelineError::WriteFile { .. } => STORAGE,
        PipelineError::Export(_) if failure.code == "unavailable" => STORAGE,
        _ => failure.code.as_str(),
    };
    Box::new(JobFailure {
        code: code.to_owned(),
        stage: failure.stage.map(|stage| stage.name().to_owned()),
        plugin: failure.plugin,
        message: hidden.hide(&failure.message),
        help: failure.help,
        transient: failure.is_transient,
    })
}

pub(super) fn wrong_config(error: &EngineError) -> Box<JobFailure> {
    Box::new(JobFailure {
        code: code_row(error.code()).label.to_owned(),
        stage: None,
        plugin: None,
        message: error.to_string(),
        help: error.help().to_owned(),
        transient: false,
    })
}
