//! What tests of the whole program need: the binary, a sample scene, configs, the shared data where it is.

pub mod exact_scene;

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;

use scene3d_scene::synthetic::{SceneSpec, SyntheticScene, render};

pub mod aliked_run;
pub mod client;
pub mod cutting_proxy;
pub mod events;
pub mod experiment;
pub mod forged_token;
pub mod in_process;
pub mod mailbox;
pub mod mlflow;
pub mod postgres;
#[cfg(target_os = "linux")]
pub mod processes;
#[cfg(target_os = "linux")]
pub mod ray;
pub mod receiver;
pub mod s3;
pub mod server;
pub mod service_bench;
pub mod small_disk;
#[cfg(target_os = "linux")]
pub mod stack;
pub mod stand_in;
pub mod tracked;
pub mod tus;

/// The built program.
///
/// # Panics
/// If it was not built.
#[must_use]
pub fn binary() -> PathBuf {
    let path = target_folder().join("scene3d");
    assert!(path.is_file(), "{} is missing: run `cargo xtask build` first", path.display());
    path
}

/// `target/<profile>`, where the program and the staged plugins are.
///
/// # Panics
/// If this test does not run from there.
#[must_use]
pub fn target_folder() -> PathBuf {
    let test = std::env::current_exe().unwrap_or_default();
    match test.ancestors().nth(2) {
        Some(folder) => folder.to_owned(),
        None => unreachable!("a test binary lies in target/<profile>/deps"),
    }
}

/// The checkout.
#[must_use]
pub fn checkout() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().map(Path::to_owned).unwrap_or_default()
}

/// The folder of shared data, or `None` with a printed reason.
#[must_use]
pub fn shared(what: &str) -> Option<PathBuf> {
    let root = std::env::var_os("SCENE3D_SHARED").map_or_else(|| checkout().join("../shared"), PathBuf::from);
    let path = root.join(what);
    if path.exists() {
        return Some(path);
    }
    eprintln!("skipped: there is no {}", path.display());
    None
}

/// A run of the program.
#[must_use]
pub fn scene3d(args: &[&str]) -> Output {
    run(Command::new(binary()).args(args))
}

/// Runs a command to its end.
///
/// # Panics
/// If it can't be started.
#[must_use]
pub fn run(command: &mut Command) -> Output {
    match command.output() {
        Ok(output) => output,
        Err(error) => unreachable!("{command:?} can't be started: {error}"),
    }
}

/// What a run printed on stderr.
#[must_use]
pub fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// What a run printed on stdout.
#[must_use]
pub fn stdout(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// Asserts that a run succeeded, showing what it printed otherwise.
///
/// # Panics
/// If it did not.
pub fn assert_success(output: &Output) {
    assert!(output.status.success(), "{}\n{}\n{}", output.status, stdout(output), stderr(output));
}

/// Asserts that a run failed with each of these words in its message, and did not panic.
///
/// # Panics
/// If it did not.
pub fn assert_fails_with(output: &Output, words: &[&str]) {
    let text = stderr(output);
    assert!(!output.status.success(), "expected a failure\n{}\n{text}", stdout(output));
    assert!(output.status.code().is_some(), "ended by a signal: {}\n{text}", output.status);
    assert!(!text.contains("panicked at"), "{text}");
    for word in words {
        assert!(text.contains(word), "expected `{word}` in\n{text}");
    }
}

/// Photos of [`small_scene`], each with its name.
#[must_use]
pub fn small_photos() -> Vec<(&'static str, &'static [u8])> {
    small_scene().images.iter().map(|image| (image.name.as_str(), image.jpeg.as_slice())).collect()
}

/// A small synthetic scene, rendered once a test binary.
///
/// # Panics
/// If it can't be rendered.
pub fn small_scene() -> &'static SyntheticScene {
    static SCENE: OnceLock<SyntheticScene> = OnceLock::new();
    SCENE.get_or_init(|| rendered(&SceneSpec { num_images: 6, image_size: [640, 480], ..SceneSpec::default() }))
}

/// A synthetic scene.
///
/// # Panics
/// If it can't be rendered.
#[must_use]
pub fn rendered(spec: &SceneSpec) -> SyntheticScene {
    match render(spec) {
        Ok(scene) => scene,
        Err(error) => unreachable!("the scene can't be rendered: {error}"),
    }
}

/// Writes the photos of a scene into a folder.
///
/// # Panics
/// If the folder can't be written.
pub fn write_photos(scene: &SyntheticScene, folder: &Path) {
    let write = || -> std::io::Result<()> {
        std::fs::create_dir_all(folder)?;
        scene.images.iter().try_for_each(|image| std::fs::write(folder.join(&image.name), &image.jpeg))
    };
    assert!(write().is_ok(), "photos can't be written to {}", folder.display());
}

/// Writes the exact cameras and points of a scene into a folder, as a COLMAP model.
///
/// # Panics
/// If the folder can't be written.
pub fn write_truth(scene: &SyntheticScene, folder: &Path) {
    let files = scene3d_scene::colmap::write_binary(&scene.truth);
    let write = || -> std::io::Result<()> {
        std::fs::create_dir_all(folder)?;
        std::fs::write(folder.join("cameras.bin"), files.cameras)?;
        std::fs::write(folder.join("images.bin"), files.images)?;
        std::fs::write(folder.join("points3D.bin"), files.points3d)
    };
    assert!(write().is_ok(), "the truth can't be written to {}", folder.display());
}

/// A config of trivial stages without networks, for tests of the host.
pub const DUMMY_CONFIG: &str = r#"
[[features]]
extractor = { plugin = "dummy-extractor" }
matcher = { plugin = "dummy-matcher" }
[mapper]
plugin = "dummy-mapper"
"#;

/// A config whose extractor misbehaves as the mode of the plugin `hostile` says.
#[must_use]
pub fn hostile_config(mode: &str) -> String {
    format!(
        "[[features]]\nextractor = {{ plugin = \"hostile\", mode = \"{mode}\" }}\nmatcher = {{ plugin = \"nearest\" }}\n\
         [mapper]\nplugin = \"dummy-mapper\"\n"
    )
}

/// A temporary folder with `photos/`, `dummy.toml` and room for `out/`.
pub struct Workbench {
    /// Removed when dropped.
    pub folder: tempfile::TempDir,
}

impl Workbench {
    /// An empty `photos/` and the config.
    ///
    /// # Panics
    /// If no folder can be made.
    #[must_use]
    pub fn new() -> Self {
        let make = || -> std::io::Result<Self> {
            let folder = tempfile::tempdir()?;
            std::fs::create_dir(folder.path().join("photos"))?;
            std::fs::write(folder.path().join("dummy.toml"), DUMMY_CONFIG)?;
            Ok(Self { folder })
        };
        match make() {
            Ok(workbench) => workbench,
            Err(error) => unreachable!("no temporary folder: {error}"),
        }
    }

    /// A path below the folder.
    #[must_use]
    pub fn path(&self, relative: &str) -> PathBuf {
        self.folder.path().join(relative)
    }

    /// Writes a photo.
    ///
    /// # Panics
    /// If it can't be written.
    pub fn photo(&self, name: &str, bytes: &[u8]) -> &Self {
        let path = self.path("photos").join(name);
        let folder = path.parent().map(Path::to_owned).unwrap_or_default();
        let written = std::fs::create_dir_all(folder).and_then(|()| std::fs::write(&path, bytes));
        assert!(written.is_ok(), "{}: {written:?}", path.display());
        self
    }

    /// Two good photos.
    #[must_use]
    pub fn with_two_photos(self) -> Self {
        for image in small_scene().images.iter().take(2) {
            self.photo(&image.name, &image.jpeg);
        }
        self
    }

    /// `scene3d reconstruct photos --config dummy.toml --out out` and more arguments.
    #[must_use]
    pub fn command(&self, more: &[&str]) -> Command {
        let mut command = Command::new(binary());
        command.arg("reconstruct").arg(self.path("photos"));
        command.arg("--config").arg(self.path("dummy.toml")).arg("--out").arg(self.path("out")).args(more);
        command
    }

    /// Runs [`Self::command`].
    #[must_use]
    pub fn reconstruct(&self, more: &[&str]) -> Output {
        run(&mut self.command(more))
    }

    /// `out/report.json`.
    ///
    /// # Panics
    /// If it is not there.
    #[must_use]
    pub fn report(&self) -> serde_json::Value {
        let path = self.path("out/report.json");
        let text = std::fs::read_to_string(&path).unwrap_or_default();
        match serde_json::from_str(&text) {
            Ok(report) => report,
            Err(error) => unreachable!("{}: {error}", path.display()),
        }
    }

    /// The report's entry of an image.
    ///
    /// # Panics
    /// If it has none.
    #[must_use]
    pub fn image_report(&self, name: &str) -> serde_json::Value {
        let report = self.report();
        let images = report["images"].as_array().cloned().unwrap_or_default();
        match images.into_iter().find(|image| image["name"] == name) {
            Some(image) => image,
            None => unreachable!("the report has no image `{name}`: {report:#}"),
        }
    }
}

impl Default for Workbench {
    fn default() -> Self {
        Self::new()
    }
}

/// Whether the ALIKED and LightGlue weights that `cargo xtask setup` fetches are here; if not, a printed reason.
#[must_use]
pub fn has_weights() -> bool {
    let found = checkout().join(".deps/weights/aliked-n16rot.pth").is_file();
    if !found {
        eprintln!("skipped: no weights in .deps/weights; run `cargo xtask setup`");
    }
    found
}
