//! `train_labels.csv` and `train_thresholds.csv` as the Image Matching Challenge 2025 publishes them.
//!
//! Labels: `dataset,scene,image,rotation_matrix,translation_vector`, numbers separated by `;`, `R` row by row and `t` of
//! `cam_from_world`. Images of the scene `outliers` show none, and only theirs may be `nan`. Thresholds:
//! `dataset,scene,thresholds`. What the challenge calls a dataset is a [`Collection`](crate::collection::Collection) here.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use nalgebra::{Matrix3, Vector3};
use scene3d_eval::GroundTruth;
use scene3d_eval::ground_truth::TrueImage;
use scene3d_scene::Rigid3;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::ExperimentError;
use crate::problem::Problem;

/// Name of the scene that is none.
const OUTLIERS: &str = "outliers";
/// As far as a rotation may be from an orthonormal matrix (Frobenius norm).
const MAX_SKEW: f64 = 1e-3;

/// What the files say, and what of it can't be.
#[derive(Debug, Default)]
pub(crate) struct ImcFiles {
    /// By name.
    pub collections: BTreeMap<String, ImcLabels>,
    pub problems: Vec<Problem>,
}

/// The labels of one collection.
#[derive(Debug, Default)]
pub(crate) struct ImcLabels {
    pub scenes: BTreeMap<String, GroundTruth>,
    pub outliers: BTreeSet<String>,
}

#[derive(Deserialize)]
struct LabelRow {
    dataset: String,
    scene: String,
    image: String,
    rotation_matrix: String,
    translation_vector: String,
}

#[derive(Deserialize)]
struct ThresholdsRow {
    dataset: String,
    scene: String,
    thresholds: String,
}

/// Reads both files of a folder.
pub(crate) fn read_imc(dataset: &str, root: &Path) -> Result<ImcFiles, ExperimentError> {
    let mut files = ImcFiles::default();
    for row in rows::<LabelRow>(dataset, &root.join("train_labels.csv"), &mut files.problems)? {
        let place = format!("{dataset}/{}/{}", row.dataset, row.image);
        let labels = files.collections.entry(row.dataset.clone()).or_default();
        let is_known = labels.outliers.contains(&row.image)
            || labels.scenes.values().any(|scene| scene.images.contains_key(&row.image));
        if is_known {
            files.problems.push(Problem::new(place, "is labelled twice", "leave one of its lines in train_labels.csv"));
        } else if row.scene == OUTLIERS {
            labels.outliers.insert(row.image);
        } else {
            let scene = labels.scenes.entry(row.scene.clone()).or_default();
            match pose(&row) {
                Ok(cam_from_world) => drop(scene.images.insert(row.image, TrueImage { cam_from_world, camera: None })),
                Err(what) => {
                    let advice =
                        format!("correct its line in train_labels.csv; only the scene `{OUTLIERS}` may have nan");
                    files.problems.push(Problem::new(place, what, advice));
                }
            }
        }
    }
    add_thresholds(dataset, root, &mut files)?;
    Ok(files)
}

fn add_thresholds(dataset: &str, root: &Path, files: &mut ImcFiles) -> Result<(), ExperimentError> {
    for row in rows::<ThresholdsRow>(dataset, &root.join("train_thresholds.csv"), &mut files.problems)? {
        let scene = files.collections.get_mut(&row.dataset).and_then(|labels| labels.scenes.get_mut(&row.scene));
        // thresholds of scenes that were taken out of the labels do no harm
        let Some(scene) = scene else { continue };
        match thresholds(&row.thresholds) {
            Ok(thresholds) => scene.imc_thresholds = Some(thresholds),
            Err(what) => {
                let place = format!("{dataset}/{}/{}", row.dataset, row.scene);
                files.problems.push(Problem::new(place, what, "correct its line in train_thresholds.csv"));
            }
        }
    }
    for (name, labels) in &files.collections {
        for (scene, _) in labels.scenes.iter().filter(|(_, truth)| truth.imc_thresholds.is_none()) {
            let place = format!("{dataset}/{name}/{scene}");
            files.problems.push(Problem::new(place, "has no thresholds", "add its line to train_thresholds.csv"));
        }
        let lengths: BTreeSet<usize> =
            labels.scenes.values().filter_map(|truth| truth.imc_thresholds.as_ref().map(Vec::len)).collect();
        if lengths.len() > 1 {
            let what = format!("its scenes have {lengths:?} thresholds, expected the same number for all");
            files.problems.push(Problem::new(format!("{dataset}/{name}"), what, "correct train_thresholds.csv"));
        }
    }
    Ok(())
}

/// The rows that can be read; others are problems by their line.
fn rows<T: DeserializeOwned>(
    dataset: &str,
    path: &Path,
    problems: &mut Vec<Problem>,
) -> Result<Vec<T>, ExperimentError> {
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    if !path.is_file() {
        let advice = "copy it from the challenge's data";
        problems.push(Problem::new(dataset, format!("has no {name}"), advice));
        return Ok(Vec::new());
    }
    let file = std::fs::File::open(path).map_err(ExperimentError::io("read", path))?;
    let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).from_reader(file);
    let mut rows = Vec::new();
    for row in reader.deserialize() {
        match row {
            Ok(row) => rows.push(row),
            Err(error) => {
                problems.push(Problem::new(
                    format!("{dataset}/{name}"),
                    error.to_string(),
                    "correct or remove the line",
                ));
            }
        }
    }
    Ok(rows)
}

fn pose(row: &LabelRow) -> Result<Rigid3, String> {
    let rotation = numbers::<9>("rotation_matrix", &row.rotation_matrix)?;
    let translation = numbers::<3>("translation_vector", &row.translation_vector)?;
    let rotation = Matrix3::from_row_slice(&rotation);
    let skew = (rotation * rotation.transpose() - Matrix3::identity()).norm();
    if skew > MAX_SKEW || rotation.determinant() < 0.0 {
        let determinant = rotation.determinant();
        return Err(format!(
            "its rotation_matrix is no rotation: R R' is off by {skew:.1e}, determinant {determinant:.3}"
        ));
    }
    Ok(Rigid3::from_matrix(&rotation, Vector3::from(translation)))
}

fn numbers<const N: usize>(column: &str, text: &str) -> Result<[f64; N], String> {
    let parse = |word: &str| word.trim().parse::<f64>().ok().filter(|number| number.is_finite());
    let numbers: Vec<Option<f64>> = text.split(';').map(parse).collect();
    let finite: Vec<f64> = numbers.iter().flatten().copied().collect();
    let num_finite = finite.len();
    let expected =
        || format!("its {column} has {num_finite} finite numbers of {}, expected {N}: `{text}`", numbers.len());
    if numbers.len() == N { <[f64; N]>::try_from(finite).map_err(|_| expected()) } else { Err(expected()) }
}

fn thresholds(text: &str) -> Result<Vec<f64>, String> {
    let wrong = || format!("expected rising distances above 0, got `{text}`");
    let parsed: Vec<f64> =
        text.split(';').map(|word| word.trim().parse().map_err(|_| wrong())).collect::<Result<_, _>>()?;
    let is_rising = parsed.windows(2).all(|pair| pair[0] < pair[1]);
    let is_positive = parsed.iter().all(|distance| *distance > 0.0 && distance.is_finite());
    if is_rising && is_positive { Ok(parsed) } else { Err(wrong()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: &str = "1;0;0;0;1;0;0;0;1";
    const NAN9: &str = "nan;nan;nan;nan;nan;nan;nan;nan;nan";

    fn read(labels: &str, thresholds: &str) -> ImcFiles {
        let folder = tempfile::tempdir().unwrap();
        let header = "dataset,scene,image,rotation_matrix,translation_vector\n";
        std::fs::write(folder.path().join("train_labels.csv"), format!("{header}{labels}")).unwrap();
        std::fs::write(folder.path().join("train_thresholds.csv"), format!("dataset,scene,thresholds\n{thresholds}"))
            .unwrap();
        read_imc("imc", folder.path()).unwrap()
    }

    #[test]
    fn labels_are_read_by_collection_and_scene() {
        let labels = format!(
            "ets,et,a.png,{ONE},1;2;3\nets,et,b.png,0;-1;0;1;0;0;0;0;1,0;0;0\nets,outliers,c.png,{NAN9},nan;nan;nan\n\
             fountain,main,a.png,{ONE},0;0;1\n"
        );
        let files = read(&labels, "ets,et,0.01;0.02;0.05\nfountain,main,0.1;0.2;0.3\n");
        assert_eq!(files.problems, []);
        let ets = &files.collections["ets"];
        assert_eq!(ets.outliers, ["c.png".to_owned()].into());
        assert_eq!(ets.scenes["et"].imc_thresholds, Some(vec![0.01, 0.02, 0.05]));
        assert_eq!(ets.scenes["et"].images["a.png"].cam_from_world.translation, Vector3::new(1.0, 2.0, 3.0));
        // R maps the world's x axis to the camera's y axis
        let turned = ets.scenes["et"].images["b.png"].cam_from_world.apply(&Vector3::x());
        assert!((turned - Vector3::y()).norm() < 1e-12, "{turned}");
        assert_eq!(files.collections["fountain"].scenes.len(), 1);
    }

    #[test]
    fn every_line_that_is_wrong_is_named() {
        let labels = format!(
            "ets,et,nan.png,{NAN9},nan;nan;nan\nets,et,skew.png,2;0;0;0;1;0;0;0;1,0;0;0\n\
             ets,et,mirror.png,-1;0;0;0;1;0;0;0;1,0;0;0\nets,et,short.png,1;0,0;0;0\nets,et,good.png,{ONE},0;0;0\n\
             ets,outliers,good.png,{NAN9},nan;nan;nan\nets,dioscuri,d.png,{ONE},0;0;0\nets,et\n"
        );
        let files = read(&labels, "ets,et,0.05;0.02\n");
        let text: Vec<String> = files.problems.iter().map(ToString::to_string).collect();
        let text = text.join("\n");
        for words in [
            "imc/ets/nan.png: its rotation_matrix has 0 finite numbers of 9",
            "imc/ets/skew.png: its rotation_matrix is no rotation",
            "imc/ets/mirror.png: its rotation_matrix is no rotation",
            "imc/ets/short.png: its rotation_matrix has 2 finite numbers of 2, expected 9",
            "imc/ets/good.png: is labelled twice",
            "imc/ets/et: expected rising distances",
            "imc/ets/dioscuri: has no thresholds",
            "imc/train_labels.csv: ",
        ] {
            assert!(text.contains(words), "expected `{words}` in\n{text}");
        }
        assert_eq!(files.problems.len(), 9, "{text}");
    }

    #[test]
    fn files_that_are_not_there_are_named() {
        let folder = tempfile::tempdir().unwrap();
        let problems = read_imc("imc", folder.path()).unwrap().problems;
        assert_eq!(problems.len(), 2);
        assert!(problems[0].what.contains("train_labels.csv") && problems[1].what.contains("train_thresholds.csv"));
    }
}
