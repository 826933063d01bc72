//! What a process needs that makes one run after the other: photos given as files, instances kept between runs, stages
//! inherited from another run's folder.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

use scene3d_dummy_extractor::{Config, DummyExtractor};
use scene3d_engine::Registry;
use scene3d_pipeline::{
    Cancel, Event, NamedFile, PhotoSource, PipelineError, Plugins, Request, StageName, inherit_artifacts, reconstruct,
};
use scene3d_sdk::private::scene3d_abi::ABI_VERSION;
use scene3d_sdk::private::{ExtractorStage, module_of};
use scene3d_sdk::{CreateContext, Descriptor, Extractor, Features, Host, ImageTensor, Result};
use scene3d_tests::in_process::{Watcher, model, request, staged_plugins};
use scene3d_tests::{has_weights, small_scene, write_photos};

static NUM_CREATED: AtomicUsize = AtomicUsize::new(0);
static NUM_ALIVE: AtomicUsize = AtomicUsize::new(0);

/// The dummy extractor, counted.
struct Counted(DummyExtractor);

impl Extractor for Counted {
    type Config = Config;

    fn descriptor() -> Descriptor {
        Descriptor { id: "counted".to_owned(), ..DummyExtractor::descriptor() }
    }

    fn create(config: Config, context: &CreateContext<'_>) -> Result<Self> {
        NUM_CREATED.fetch_add(1, Ordering::Relaxed);
        NUM_ALIVE.fetch_add(1, Ordering::Relaxed);
        DummyExtractor::create(config, context).map(Self)
    }

    fn extract(&mut self, images: &[ImageTensor<'_>], host: &Host<'_>) -> Result<Vec<Features>> {
        self.0.extract(images, host)
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        NUM_ALIVE.fetch_sub(1, Ordering::Relaxed);
    }
}

fn counts() -> [usize; 2] {
    [&NUM_CREATED, &NUM_ALIVE].map(|count| count.load(Ordering::Relaxed))
}

fn linked_plugins() -> Registry {
    let mut registry = Registry::default();
    let counted = module_of::<ExtractorStage<Counted>>(ABI_VERSION);
    let modules = [counted, scene3d_dummy_matcher::module(), scene3d_dummy_mapper::module()];
    modules.into_iter().for_each(|module| registry.add_static(module).unwrap());
    registry
}

fn config(cell_size: u32) -> String {
    format!(
        "[pipeline]\nthreads = 1\n[[features]]\nextractor = {{ plugin = \"counted\", cell_size = {cell_size} }}\n\
         matcher = {{ plugin = \"dummy-matcher\" }}\n[mapper]\nplugin = \"dummy-mapper\"\n"
    )
}

struct Bench {
    folder: tempfile::TempDir,
}

impl Bench {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        write_photos(small_scene(), &folder.path().join("photos"));
        Self { folder }
    }

    fn path(&self, relative: &str) -> PathBuf {
        self.folder.path().join(relative)
    }

    fn request(&self, plugins: &Plugins, toml: &str, out: &str) -> Request {
        request(&plugins.registry, toml, PhotoSource::Folder(self.path("photos")), &self.path(out))
    }

    fn run(&self, plugins: &Plugins, toml: &str, out: &str) {
        reconstruct(&self.request(plugins, toml, out), plugins, Watcher::listening(), &Cancel::default()).unwrap();
    }

    /// Cancels when the mapping begins.
    fn run_cancelled(&self, plugins: &Plugins, toml: &str, out: &str) {
        let cancel = Cancel::default();
        let handle = cancel.clone();
        let watcher = Watcher::reacting(move |event| {
            if matches!(event, Event::StageStarted { stage: StageName::Map, .. }) {
                handle.cancel();
            }
        });
        let error = reconstruct(&self.request(plugins, toml, out), plugins, watcher, &cancel).unwrap_err();
        assert!(matches!(error, PipelineError::Cancelled), "{error}");
    }
}

#[test]
fn photos_given_as_files_make_the_model_of_a_folder_with_their_names() {
    let bench = Bench::new();
    let photos = bench.path("photos");
    std::fs::create_dir(photos.join("image_001")).unwrap();
    std::fs::rename(photos.join("image_002.jpg"), photos.join("image_001/a.jpg")).unwrap();
    let blobs = bench.path("blobs");
    std::fs::create_dir(&blobs).unwrap();
    let as_blob = |(index, name): (usize, &str)| {
        let path = blobs.join(format!("{index:02}"));
        std::fs::copy(photos.join(name), &path).unwrap();
        NamedFile { name: name.to_owned(), path }
    };
    let names =
        ["image_005.jpg", "image_003.jpg", "image_001/a.jpg", "image_000.jpg", "image_001.jpg", "image_004.jpg"];
    let files = PhotoSource::Files(names.into_iter().enumerate().map(as_blob).collect());
    let plugins = Plugins::new(linked_plugins());
    bench.run(&plugins, &config(16), "folder");
    let of_files = request(&plugins.registry, &config(16), files, &bench.path("files"));
    reconstruct(&of_files, &plugins, Watcher::listening(), &Cancel::default()).unwrap();
    assert!(model(&bench.path("folder")) == model(&bench.path("files")));
    let transforms = std::fs::read_to_string(bench.path("files/transforms.json")).unwrap();
    assert!(transforms.contains("\"file_path\": \"image_001/a.jpg\""), "{transforms}");
    let told = std::fs::read_to_string(bench.path("files/report.json")).unwrap();
    assert!(!told.contains("blobs"), "where the files lie is nobody's business");
}

#[test]
fn instances_are_kept_and_the_next_run_is_the_same_as_with_new_ones() {
    let bench = Bench::new();
    let plugins = Plugins::keeping(linked_plugins(), 4);
    bench.run(&plugins, &config(16), "first");
    assert_eq!((counts(), plugins.warm.num_stages()), ([1, 1], 2), "extractor and matcher");
    bench.run(&plugins, &config(16), "second");
    assert_eq!(counts(), [1, 1]);
    bench.run(&plugins, &config(24), "other config");
    assert_eq!(counts(), [2, 2]);
    bench.run(&Plugins::new(linked_plugins()), &config(16), "fresh");
    assert_eq!(counts(), [3, 2], "a process that makes one run keeps none");
    assert!(model(&bench.path("second")) == model(&bench.path("fresh")));
}

#[test]
fn a_kept_instance_speaks_to_its_new_run_alone() {
    let bench = Bench::new();
    let plugins = Plugins::keeping(linked_plugins(), 4);
    let of_first = Cancel::default();
    let request = bench.request(&plugins, &config(16), "first");
    reconstruct(&request, &plugins, Watcher::listening(), &of_first).unwrap();
    of_first.cancel();
    bench.run(&plugins, &config(16), "second");
    assert_eq!(counts(), [1, 1]);
}

#[test]
fn instances_of_a_run_that_did_not_end_well_are_destroyed() {
    let bench = Bench::new();
    let plugins = Plugins::keeping(linked_plugins(), 4);
    bench.run(&plugins, &config(16), "first");
    bench.run_cancelled(&plugins, &config(16), "cancelled");
    assert_eq!((counts(), plugins.warm.num_stages()), ([1, 0], 0));
    bench.run(&plugins, &config(16), "third");
    assert_eq!(counts(), [2, 1]);
}

#[test]
fn the_stages_used_longest_ago_make_room() {
    let bench = Bench::new();
    let plugins = Plugins::keeping(linked_plugins(), 2);
    for (index, cell_size) in [16, 24, 32, 16].into_iter().enumerate() {
        bench.run(&plugins, &config(cell_size), &index.to_string());
        assert_eq!((counts(), plugins.warm.num_stages()), ([index + 1, 1], 2));
    }
}

#[test]
fn kept_instances_of_real_plugins_make_the_same_model_as_new_ones() {
    if !has_weights() {
        return;
    }
    let bench = Bench::new();
    let toml = "[[features]]\nextractor = { plugin = \"aliked\", max_keypoints = 512, max_image_size = 512 }\n\
                matcher = { plugin = \"lightglue\" }\n[mapper]\nplugin = \"colmap\"\n";
    let plugins = Plugins::keeping(staged_plugins(), 2);
    for out in ["first", "second", "third"] {
        bench.run(&plugins, toml, out);
        assert_eq!(plugins.warm.num_stages(), 2);
    }
    assert!(model(&bench.path("first")) == model(&bench.path("second")));
    assert!(model(&bench.path("first")) == model(&bench.path("third")));
}

fn extracted(watcher: &Watcher) -> Vec<(String, usize, bool, f64)> {
    let of_photo = |event| match event {
        Event::Extracted { image, num_keypoints, mean_score, sharpness, .. } => {
            Some((image, num_keypoints, mean_score == Some(1.0), sharpness))
        }
        _ => None,
    };
    let mut found: Vec<_> = watcher.events().into_iter().filter_map(of_photo).collect();
    found.sort_by(|a, b| a.0.cmp(&b.0));
    found
}

fn check_extracted(found: &[(String, usize, bool, f64)], num_keypoints: usize) {
    let names: Vec<&str> = small_scene().images.iter().map(|image| image.name.as_str()).collect();
    assert_eq!(found.iter().map(|(name, ..)| name.as_str()).collect::<Vec<_>>(), names);
    // every score of the dummy is 1
    assert!(found.iter().all(|(_, num, is_one, sharpness)| *num == num_keypoints && *is_one && *sharpness > 0.0));
}

#[test]
fn another_config_goes_on_with_the_stages_that_hold_for_it() {
    let bench = Bench::new();
    let plugins = Plugins::new(linked_plugins());
    let watched = |request: &Request| {
        let watcher = Watcher::listening();
        reconstruct(request, &plugins, watcher.clone(), &Cancel::default()).unwrap();
        watcher
    };
    let first = watched(&bench.request(&plugins, &config(16), "first"));
    let num_keypoints = (640 / 16) * (480 / 16);
    check_extracted(&extracted(&first), num_keypoints.min(1024));

    assert!(inherit_artifacts(&bench.path("first"), &bench.path("second")).unwrap() > 6 + 1);
    let other_matcher = config(16).replace("\"dummy-matcher\"", "\"dummy-matcher\", max_matches = 50");
    let resumed = Request { resume: true, ..bench.request(&plugins, &other_matcher, "second") };
    let second = watched(&resumed);
    assert_eq!(second.items_and_reused(StageName::Extract), Some([6, 6]));
    assert_eq!(second.items_and_reused(StageName::Match), Some([15, 0]));
    assert_eq!(extracted(&first), extracted(&second), "what is reused is told as well");

    bench.run(&plugins, &other_matcher, "by itself");
    assert!(model(&bench.path("second")) == model(&bench.path("by itself")));
    let untouched = Request { resume: true, ..bench.request(&plugins, &config(16), "first") };
    assert_eq!(watched(&untouched).items_and_reused(StageName::Match), Some([15, 15]));
}

#[test]
fn the_last_word_of_a_failed_run_says_where_and_why() {
    let bench = Bench::new();
    let plugins = Plugins::new(linked_plugins());
    std::fs::write(bench.path("photos/image_001.jpg"), "no image").unwrap();
    for image in small_scene().images.iter().skip(2) {
        std::fs::remove_file(bench.path("photos").join(&image.name)).unwrap();
    }
    let watcher = Watcher::listening();
    let request = bench.request(&plugins, &config(16), "out");
    reconstruct(&request, &plugins, watcher.clone(), &Cancel::default()).unwrap_err();
    let Some(Event::RunFailed(failure)) = watcher.events().pop() else { unreachable!("{:?}", watcher.events()) };
    assert_eq!((failure.code.as_str(), failure.stage, failure.plugin), ("invalid_input", Some(StageName::Read), None));
    assert!(failure.help.contains("at least two photos") && !failure.is_transient);
    check_logged(&bench.path("out"));
}

fn check_logged(out: &Path) {
    let log = std::fs::read_to_string(out.join("logs/events.jsonl")).unwrap();
    let last: serde_json::Value = serde_json::from_str(log.lines().last().unwrap()).unwrap();
    assert_eq!(
        (&last["event"], &last["stage"], &last["code"]),
        (&"run_failed".into(), &"read".into(), &"invalid_input".into())
    );
}
