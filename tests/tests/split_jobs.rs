//! Jobs that are split: whoever does the parts, in whatever order, and however often one is lost, the model is that of one
//! worker alone.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};
use std::thread;

use crate::worker_bench::hex_sha256;
use scene3d_pipeline::PartTask;
use scene3d_scene::synthetic::SceneSpec;
use scene3d_service::blobs::Blobs;
use scene3d_service::jobs::executor::{Ending, ExecutorEvent, JobRequest};
use scene3d_service::jobs::worker::protocol::{Answer, FromWorker, PartEnding, PartJob, Told};
use scene3d_service::jobs::worker::{Delegation, Voice, Worker, WorkerOptions};
use scene3d_service::store::jobs::JobImage;
use scene3d_tests::{DUMMY_CONFIG, hostile_config, rendered, target_folder};

const NUM_IMAGES: usize = 24;
const NUM_HELPERS: usize = 3;

/// Descriptors decide which pairs there are, and what matches.
const RETRIEVAL_CONFIG: &str = r#"
[[features]]
extractor = { plugin = "dummy-extractor" }
matcher = { plugin = "nearest" }
[[features]]
extractor = { plugin = "dummy-extractor", max_keypoints = 40 }
matcher = { plugin = "dummy-matcher" }
[pairing]
method = "retrieval"
num_neighbors = 3
[mapper]
plugin = "dummy-mapper"
"#;

/// Slow enough to be cancelled in the middle of matching.
const SLOW_CONFIG: &str = r#"
[[features]]
extractor = { plugin = "dummy-extractor", cell_size = 2 }
matcher = { plugin = "nearest" }
[pairing]
method = "sequential"
window = 4
[mapper]
plugin = "dummy-mapper"
"#;

/// An object store with photos, and workers that share nothing else.
struct Bench {
    folder: tempfile::TempDir,
    images: Vec<JobImage>,
    helpers: Vec<Arc<Worker>>,
}

/// A job that was followed to its end.
struct Followed {
    ending: Ending,
    events: Vec<ExecutorEvent>,
    parts: Vec<Vec<PartJob>>,
}

impl Bench {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut bench = Self { folder, images: Vec::new(), helpers: Vec::new() };
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

    fn worker(&self, name: &str, delegation: Option<Delegation>) -> Arc<Worker> {
        let paths = scene3d_engine::SearchPaths { plugins: vec![target_folder().join("plugins")], weights: Vec::new() };
        let (cache_dir, set) = (self.path(name), vec!["pipeline.threads=2".to_owned()]);
        let options = WorkerOptions { paths, cache_dir, max_cache_bytes: 1 << 30, max_warm_stages: 4, set, delegation };
        Arc::new(Worker::new(&options).unwrap())
    }

    fn splitting(&self, name: &str) -> Arc<Worker> {
        self.worker(name, Some(Delegation { min_images: NUM_IMAGES, images_per_shard: 5, images_per_block: 6 }))
    }

    fn job(&self, job_id: &str, attempt: i64, config_toml: &str) -> JobRequest {
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
    fn follow(&self, worker: &Arc<Worker>, request: JobRequest, do_parts: impl Fn(&[PartJob]) -> Answer) -> Followed {
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
    fn all_help(&self, parts: &[PartJob]) -> Answer {
        let waiting = std::sync::Mutex::new(parts.to_vec());
        thread::scope(|scope| {
            for helper in &self.helpers {
                scope.spawn(|| {
                    while let Some(part) = { waiting.lock().unwrap().pop() } {
                        assert_eq!(helper.begin_part(part, &Voice::new(drop)).work(), PartEnding::Done);
                    }
                });
            }
        });
        Answer::Done
    }

    /// Name and sha256 of what was made of a job, but for what tells of its run.
    fn model(&self, followed: &Followed) -> BTreeMap<String, String> {
        let artifacts = followed.events.iter().filter_map(|event| match event {
            ExecutorEvent::Artifact(artifact) => Some((artifact.name.clone(), artifact.sha256.clone())),
            _ => None,
        });
        artifacts.filter(|(name, _)| name.starts_with("model/") || name.starts_with("scene")).collect()
    }

    /// The mapping is named by all that went into it.
    fn mapping(&self, job_id: &str) -> Vec<String> {
        let folder = self.path(&format!("objects/work/{job_id}/mapping"));
        let names = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name());
        names.map(|name| name.to_string_lossy().into_owned()).collect()
    }
}

/// A voice, and what it says until all that have it are gone.
fn listening() -> (Voice, Receiver<Told>) {
    let (sender, lines) = channel();
    let hear = move |line: String| {
        let FromWorker { told, .. } = serde_json::from_str(&line).unwrap();
        sender.send(told).ok();
    };
    (Voice::new(hear), lines)
}

fn items_and_reused(events: &[ExecutorEvent], wanted: &str) -> Option<[u64; 2]> {
    events.iter().find_map(|event| match event {
        ExecutorEvent::StageFinished { stage, items, reused, .. } if stage == wanted => Some([*items, *reused]),
        _ => None,
    })
}

/// Whether a worker extracts or matches: then it says what.
fn does_it_itself(event: &ExecutorEvent) -> bool {
    matches!(event, ExecutorEvent::Progress { stage, what, .. } if ["extract", "match"].contains(&stage.as_str()) && !what.is_empty())
}

fn tasks(parts: &[PartJob]) -> &'static str {
    match parts[0].task {
        PartTask::Extract => "extract",
        PartTask::Describe { .. } => "describe",
        PartTask::Match { .. } => "match",
    }
}

#[test]
fn parts_of_a_job_make_the_model_of_one_worker() {
    let bench = Bench::new();
    let (splitting, alone) = (bench.splitting("splitting"), bench.worker("alone", None));
    for (index, (config, phases)) in
        [(DUMMY_CONFIG, ["extract", "match"].as_slice()), (RETRIEVAL_CONFIG, &["extract", "describe", "match"])]
            .into_iter()
            .enumerate()
    {
        let [split_id, alone_id] = ["split", "alone"].map(|name| format!("job_{name}_{index}"));
        let split = bench.follow(&splitting, bench.job(&split_id, 1, config), |parts| bench.all_help(parts));
        let whole = bench.follow(&alone, bench.job(&alone_id, 1, config), |_| unreachable!());
        assert!(matches!(whole.ending, Ending::Finished { .. }), "{:?}", whole.ending);
        assert_eq!(split.ending, whole.ending);
        assert_eq!(bench.model(&split), bench.model(&whole));
        assert!(bench.model(&split).len() >= 8, "{:?}", bench.model(&split));
        assert_eq!(bench.mapping(&split_id), bench.mapping(&alone_id));
        for stage in ["extract", "pair", "match"] {
            let (found, expected) = (items_and_reused(&split.events, stage), items_and_reused(&whole.events, stage));
            assert_eq!(found, expected, "{stage}: nothing is reused, though others did it");
        }

        assert!(!split.events.iter().any(does_it_itself), "{:#?}", split.events);
        assert!(whole.events.iter().any(does_it_itself));
        assert_eq!(split.parts.iter().map(|parts| tasks(parts)).collect::<Vec<_>>(), phases);
        assert_eq!(split.parts[0].len(), NUM_IMAGES.div_ceil(5));
        let blocks = split.parts.last().unwrap();
        assert!(blocks.len() > NUM_HELPERS && blocks.iter().all(|part| part.job.images.len() <= 6));
    }
}

#[test]
fn what_nobody_did_the_worker_does_itself() {
    let bench = Bench::new();
    let nobody = bench.follow(&bench.splitting("splitting"), bench.job("job_1", 1, RETRIEVAL_CONFIG), |_| Answer::Done);
    let whole = bench.follow(&bench.worker("alone", None), bench.job("job_2", 1, RETRIEVAL_CONFIG), |_| unreachable!());
    assert_eq!((nobody.ending.clone(), bench.model(&nobody)), (whole.ending.clone(), bench.model(&whole)));
}

#[test]
fn whoever_begins_a_part_again_goes_on_where_it_was_lost() {
    let bench = Bench::new();
    let config = SLOW_CONFIG;
    let redo = |part: &PartJob| {
        let (voice, lines) = listening();
        let lost = bench.helpers[0].begin_part(part.clone(), &voice);
        drop(voice);
        let cancel = lost.cancel();
        let working = thread::spawn(move || lost.work());
        let mut told = 0;
        for line in lines {
            if let Told::Event(ExecutorEvent::Progress { done, .. }) = line {
                told = done;
                cancel.cancel();
            }
        }
        let ending = working.join().unwrap();
        let (voice, lines) = listening();
        assert_eq!(bench.helpers[1].begin_part(part.clone(), &voice).work(), PartEnding::Done);
        drop(voice);
        let events: Vec<_> = lines
            .into_iter()
            .filter_map(|told| match told {
                Told::Event(event) => Some(event),
                _ => None,
            })
            .collect();
        let stage = tasks(std::slice::from_ref(part));
        let [items, reused] = items_and_reused(&events, stage).unwrap();
        assert!(told > 0 && reused >= told && reused <= items, "{stage}: {told} were told, {reused} of {items} found");
        (ending, reused < items)
    };
    let interrupted = std::sync::Mutex::new(0);
    let split = bench.follow(&bench.splitting("splitting"), bench.job("job_1", 1, config), |parts| {
        for part in parts {
            let (ending, was_cut) = redo(part);
            *interrupted.lock().unwrap() += u32::from(ending == PartEnding::Cancelled && was_cut);
        }
        Answer::Done
    });
    let whole = bench.follow(&bench.worker("alone", None), bench.job("job_2", 1, config), |_| unreachable!());
    assert_eq!(bench.model(&split), bench.model(&whole));
    assert!(*interrupted.lock().unwrap() > 0, "no part was interrupted in its middle");
}

#[test]
fn another_attempt_has_only_the_rest_done() {
    let bench = Bench::new();
    let lost = bench.splitting("lost");
    let first = bench.follow(&lost, bench.job("job_1", 1, DUMMY_CONFIG), |parts| {
        let answer = bench.all_help(&parts[..parts.len() - 1]);
        lost.cancel("job_1");
        answer
    });
    assert_eq!((first.ending, first.parts.len()), (Ending::Cancelled, 1));
    let second =
        bench.follow(&bench.splitting("second"), bench.job("job_1", 2, DUMMY_CONFIG), |parts| bench.all_help(parts));
    assert!(matches!(second.ending, Ending::Finished { .. }), "{:?}", second.ending);
    let num_left = first.parts[0].last().unwrap().job.images.len();
    assert_eq!(second.parts[0].iter().map(|part| part.job.images.len()).sum::<usize>(), num_left);
    assert_eq!(items_and_reused(&second.events, "extract"), Some([24, 24 - num_left as u64]));
}

#[test]
fn a_part_that_fails_fails_the_job_with_its_reason() {
    let bench = Bench::new();
    let failed =
        bench.follow(&bench.splitting("splitting"), bench.job("job_1", 1, &hostile_config("panic_in_run")), |parts| {
            match bench.helpers[0].begin_part(parts[0].clone(), &Voice::new(drop)).work() {
                PartEnding::Failed(failure) => Answer::Failed(failure),
                other => unreachable!("{other:?}"),
            }
        });
    let Ending::Failed(failure) = failed.ending else { unreachable!("{:?}", failed.ending) };
    assert_eq!((failure.code.as_str(), failure.plugin.as_deref()), ("panicked", Some("hostile")));
    assert_eq!(failure.stage.as_deref(), Some("extract"));
}
