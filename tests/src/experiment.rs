//! A project of experiments in a temporary folder: the checkout's `experiments/` and `configs/`, with data made for a test.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use scene3d_scene::Rigid3;
use scene3d_scene::synthetic::SyntheticScene;
use serde_json::Value;

use crate::{binary, checkout, run};

/// A project.
pub struct Experiment {
    folder: tempfile::TempDir,
}

impl Experiment {
    /// The checkout's stages with parameters of the test's own.
    ///
    /// # Panics
    /// If the files can't be copied.
    #[must_use]
    pub fn new(params: &str) -> Self {
        let make = || -> std::io::Result<Self> {
            let folder = tempfile::tempdir()?;
            let root = folder.path();
            fs::create_dir_all(root.join("experiments/.dvc"))?;
            fs::create_dir_all(root.join("experiments/data"))?;
            for file in ["experiments/dvc.yaml", "experiments/.dvc/config", "experiments/.dvcignore"] {
                fs::copy(checkout().join(file), root.join(file))?;
            }
            fs::create_dir(root.join("configs"))?;
            for entry in fs::read_dir(checkout().join("configs"))? {
                let entry = entry?;
                fs::copy(entry.path(), root.join("configs").join(entry.file_name()))?;
            }
            fs::write(root.join("experiments/params.yaml"), params)?;
            Ok(Self { folder })
        };
        match make() {
            Ok(experiment) => experiment,
            Err(error) => unreachable!("no project: {error}"),
        }
    }

    /// A path below the project.
    #[must_use]
    pub fn path(&self, relative: &str) -> PathBuf {
        self.folder.path().join("experiments").join(relative)
    }

    /// Writes a file of the project, making its folder.
    ///
    /// # Panics
    /// If that is not possible.
    pub fn write(&self, relative: &str, bytes: &[u8]) {
        let path = self.path(relative);
        let folder = path.parent().map(Path::to_owned).unwrap_or_default();
        let written = fs::create_dir_all(folder).and_then(|()| fs::write(&path, bytes));
        assert!(written.is_ok(), "{}: {written:?}", path.display());
    }

    /// Changes a text file of the project.
    ///
    /// # Panics
    /// If it does not hold what is to be replaced.
    pub fn replace(&self, relative: &str, from: &str, to: &str) {
        let text = fs::read_to_string(self.path(relative)).unwrap_or_default();
        assert!(text.contains(from), "{relative} does not hold `{from}`:\n{text}");
        self.write(relative, text.replace(from, to).as_bytes());
    }

    /// `scene3d experiments STAGE --project PROJECT` and more arguments.
    #[must_use]
    pub fn stage(&self, stage: &str, more: &[&str]) -> Output {
        let mut command = Command::new(binary());
        run(command.args(["experiments", stage, "--project"]).arg(self.path("")).args(more))
    }

    /// A JSON file of the project.
    ///
    /// # Panics
    /// If it is not there.
    #[must_use]
    pub fn json(&self, relative: &str) -> Value {
        match serde_json::from_slice(&fs::read(self.path(relative)).unwrap_or_default()) {
            Ok(value) => value,
            Err(error) => unreachable!("{relative}: {error}"),
        }
    }
}

/// The text of a Strecha `.camera` file for each image of a scene, with the image's name.
#[must_use]
pub fn strecha_cameras(scene: &SyntheticScene) -> Vec<(String, String)> {
    let truth = &scene.truth;
    let text = |image: &scene3d_scene::RegisteredImage| {
        let camera = &truth.cameras[&image.camera_id];
        let ([fx, fy], [cx, cy]) = (camera.focal(), camera.principal_point());
        let Rigid3 { rotation, translation } = image.cam_from_world.inverse();
        let r = rotation.to_rotation_matrix();
        let row = |i: usize| format!("{} {} {}", r[(i, 0)], r[(i, 1)], r[(i, 2)]);
        let [width, height] = camera.image_size;
        let (x, y, z) = (translation.x, translation.y, translation.z);
        let text = format!(
            "{fx} 0 {cx}\n0 {fy} {cy}\n0 0 1\n0 0 0\n{}\n{}\n{}\n{x} {y} {z}\n{width} {height}\n",
            row(0),
            row(1),
            row(2)
        );
        (image.name.clone(), text)
    };
    truth.images.values().map(text).collect()
}

/// `rotation_matrix` and `translation_vector` of `cam_from_world`, as the Image Matching Challenge writes them.
#[must_use]
pub fn imc_pose(pose: &Rigid3) -> [String; 2] {
    let rotation = pose.rotation.to_rotation_matrix();
    let joined = |numbers: Vec<f64>| numbers.iter().map(ToString::to_string).collect::<Vec<_>>().join(";");
    // row by row; nalgebra's order is column by column
    let rotation = joined(rotation.matrix().transpose().iter().copied().collect());
    [rotation, joined(pose.translation.iter().copied().collect())]
}
