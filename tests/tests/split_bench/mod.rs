//! What tests of split jobs share: an object store with photos in it, workers that share nothing else, jobs that are followed
//! to their end while others do their parts.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};
use std::thread;

use scene3d_pipeline::PartTask;
use scene3d_scene::synthetic::SceneSpec;
use scene3d_service::blobs::Blobs;
use scene3d_service::jobs::executor::{Ending, ExecutorEvent, JobRequest};
use scene3d_service::jobs::worker::protocol::{Answer, FromWorker, PartEnding, PartJob, Told};
use scene3d_service::jobs::worker::{Delegation, Voice, Worker, WorkerOptions};
use scene3d_service::store::artifacts::Artifact;
use scene3d_service::store::jobs::JobImage;
use scene3d_tests::{rendered, target_folder};

use crate::worker_bench::hex_sha256;

pub const NUM_IMAGES: usize = 24;
pub const NUM_HELPERS: usize = 3;

/// An object store with photos, and workers that share nothing else.
pub struct Bench {
    folder: tempfile::TempDir,
    pub images: Vec<JobImage>,
    weights: Vec<PathBuf>,
    pub helpers: Vec<Arc<Worker>>,
}

/// A job that was followed to its end.
pub struct Followed {
    pub ending: Ending,
    pub events: Vec<ExecutorEvent>,
    pub parts: Vec<Vec<PartJob>>,
}

impl Followed {
    fn artifacts(&self) -> impl Iterator<Item = &Artifact> {
        self.events.iter().filter_map(|event| match event {
            ExecutorEvent::Artifact(artifact) => Some(artifact),
            _ => None,
        })
    }
}

impl Bench {
    pub fn new() -> Self {
        Self::with_weights(Vec::new())
    }

    /// Workers that find weights in these folders.
    pub fn with_weights(weights: Vec<PathBuf>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut bench = Self { folder, images: Vec::new(), weights, helpers: Vec::new() };
        let scene = rendered(&SceneSpec { num_images: NUM_IMAGES, image_size: [160, 120], ..SceneSpec::default() });
        Blobs::make(&bench.objects_url()).unwrap();
        for image in &scene.images {
            let sha256 = hex_sha256(&image.jpeg);
            let path = bench.path(&format!("objects/images/{}/{sha256}", &sha256[..2]));
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, &image.jpeg).unwrap();
            bench.images.push(JobImage { name: image.name.clone(), sha256 });
        }
        bench.helpers = (0..NUM_HELPERS).map(|index| bench.worker(&format!("helper-{index}"), None)).collect();
        bench
    }

    fn path(&self, relative: &str) -> PathBuf {
        self.folder.path().join(relative)
    }

    fn objects_url(&self) -> String {
        url::Url::from_file_path(self.path("objects")).unwrap().to_string()
    }

    pub fn worker(&self, name: &str, delegation: Option<Delegation>) -> Arc<Worker> {
        let (plugins, weights) = (vec![target_folder().join("plugins")], self.weights.clone());
        let paths = scene3d_engine::SearchPaths { plugins, weights };
        let (cache_dir, set) = (self.path(name), vec!["pipeline.threads=2".to_owned()]);
        let options = WorkerOptions { paths, cache_dir, max_cache_bytes: 1 << 30, max_warm_stages: 4, set, delegation };
        Arc::new(Worker::new(&options).unwrap())
    }

    pub fn splitting(&self, name: &str) -> Arc<Worker> {
        self.worker(name, Some(Delegation { min_images: self.images.len(), images_per_shard: 5, images_per_block: 6 }))
    }

    pub fn job(&self, job_id: &str, attempt: i64, config_toml: &str) -> JobRequest {
        JobRequest {
            job_id: job_id.to_owned(),
            attempt,
            images: self.images.clone(),
            config_name: "test".to_owned(),
            config_toml: config_toml.to_owned(),
            work_folder: PathBuf::from("work").join(job_id),
            inherit_from: None,
            objects_url: self.objects_url(),
            max_pixels: 10_000_000,
        }
    }

    /// Follows a job; its parts are done by `do_parts`.
    pub fn follow(
        &self,
        worker: &Arc<Worker>,
        request: JobRequest,
        do_parts: impl Fn(&[PartJob]) -> Answer,
    ) -> Followed {
        let (job_id, (voice, lines)) = (request.job_id.clone(), listening());
        let job = worker.begin(request, &voice);
        drop(voice);
        let working = thread::spawn(move || job.work());
        let mut followed = Followed { ending: Ending::Cancelled, events: Vec::new(), parts: Vec::new() };
        for told in lines {
            match told {
                Told::Event(event) => followed.events.push(event),
                Told::Parts(parts) => {
                    worker.answer(&job_id, &do_parts(&parts));
                    followed.parts.push(parts);
                }
                Told::Ended { ending, .. } => followed.ending = ending,
            }
        }
        working.join().unwrap();
        followed
    }

    /// All helpers take parts from the end, so that none is done in the order of the job.
    pub fn all_help(&self, parts: &[PartJob]) -> Answer {
        let waiting = std::sync::Mutex::new(parts.to_vec());
        thread::scope(|scope| {
            for helper in &self.helpers {
                scope.spawn(|| {
                    while let Some(part) = { waiting.lock().unwrap().pop() } {
                        do_part(helper, &part);
                    }
                });
            }
        });
        Answer::Done
    }

    /// Name and sha256 of what was made of a job, but for what tells of its run.
    pub fn model(&self, followed: &Followed) -> BTreeMap<String, String> {
        let artifacts = followed.artifacts().map(|artifact| (artifact.name.clone(), artifact.sha256.clone()));
        artifacts.filter(|(name, _)| name.starts_with("model/") || name.starts_with("scene")).collect()
    }

    /// What each entry of `[[features]]` found, as in `report.json`.
    pub fn sources(&self, followed: &Followed) -> serde_json::Value {
        let report = followed.artifacts().find(|artifact| artifact.name == "report.json").unwrap();
        let report = std::fs::read(self.path("objects").join(&report.object_key)).unwrap();
        serde_json::from_slice::<serde_json::Value>(&report).unwrap()["sources"].take()
    }

    /// The mapping is named by all that went into it.
    pub fn mapping(&self, job_id: &str) -> Vec<String> {
        let folder = self.path(&format!("objects/work/{job_id}/mapping"));
        let names = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name());
        names.map(|name| name.to_string_lossy().into_owned()).collect()
    }
}

/// A voice, and what it says until all that have it are gone.
pub fn listening() -> (Voice, Receiver<Told>) {
    let (sender, lines) = channel();
    let hear = move |line: String| {
        let FromWorker { told, .. } = serde_json::from_str(&line).unwrap();
        sender.send(told).ok();
    };
    (Voice::new(hear), lines)
}

/// Has a worker do a part, and returns what it told.
pub fn do_part(worker: &Arc<Worker>, part: &PartJob) -> Vec<ExecutorEvent> {
    let (voice, lines) = listening();
    assert_eq!(worker.begin_part(part.clone(), &voice).work(), PartEnding::Done);
    drop(voice);
    let event = |told| match told {
        Told::Event(event) => Some(event),
        _ => None,
    };
    lines.into_iter().filter_map(event).collect()
}

pub fn items_and_reused(events: &[ExecutorEvent], wanted: &str) -> Option<[u64; 2]> {
    events.iter().find_map(|event| match event {
        ExecutorEvent::StageFinished { stage, items, reused, .. } if stage == wanted => Some([*items, *reused]),
        _ => None,
    })
}

/// Whether a worker extracts or matches: then it says what.
pub fn does_it_itself(event: &ExecutorEvent) -> bool {
    matches!(event, ExecutorEvent::Progress { stage, what, .. } if ["extract", "match"].contains(&stage.as_str()) && !what.is_empty())
}

pub fn tasks(parts: &[PartJob]) -> &'static str {
    match parts[0].task {
        PartTask::Extract => "extract",
        PartTask::Describe { .. } => "describe",
        PartTask::Match { .. } => "match",
    }
}
