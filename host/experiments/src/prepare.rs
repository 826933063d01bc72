//! Stage `prepare`: which collections choose the best config and which are held out, and which pairs are matched.

use scene3d_engine::config::PairingMethod;
use scene3d_monitor::drift::random::SplitMix64;
use scene3d_pipeline::pairing;
use scene3d_scene::ImagePair;
use serde::{Deserialize, Serialize};

use crate::ExperimentError;
use crate::params::PairingParams;
use crate::preprocess::{self, Preprocessed, PreprocessedCollection};
use crate::project::{Project, emptied, read_json, write_json};

/// Where the stage writes its list, below the project's `out`.
pub(crate) const FILE: &str = "prepared/collections.json";

/// The collections that are run.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Prepared {
    /// In the order of dataset and name.
    pub collections: Vec<PreparedCollection>,
}

/// A collection that is run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PreparedCollection {
    /// Name of its dataset.
    pub dataset: String,
    /// Its own name.
    pub name: String,
    /// Names of its true scenes.
    pub scenes: Vec<String>,
    /// What it is for.
    pub split: Split,
    /// Its pairs; none where each config has its own.
    pub pairing: Option<Pairing>,
}

/// What a collection is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Split {
    /// It takes part in choosing the best config.
    Select,
    /// It is evaluated, and chooses nothing.
    HeldOut,
}

/// Which pairs of a collection are matched.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Pairing {
    /// Changes to a config that make it match these pairs.
    pub set: Vec<String>,
    /// How many pairs; not known before the run where they are retrieved.
    pub num_pairs: Option<usize>,
    /// File with the names of both images of each pair, below the project's `out`.
    pub list: Option<String>,
}

impl Split {
    /// As tables have it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Select => "select",
            Self::HeldOut => "held_out",
        }
    }
}

impl PreparedCollection {
    /// `DATASET/NAME`
    #[must_use]
    pub fn id(&self) -> String {
        format!("{}/{}", self.dataset, self.name)
    }
}

/// Writes the lists.
///
/// # Errors
/// [`ExperimentError`] if `preprocess` has not run, or a file can't be written.
pub fn prepare(project: &Project) -> Result<Prepared, ExperimentError> {
    let preprocessed: Preprocessed = read_json(&project.out(preprocess::FILE), "preprocess")?;
    emptied(&project.out("prepared"))?;
    let params = &project.params.prepare;
    let splits = splits(preprocessed.collections.len(), params.held_out_share, params.seed);
    let mut prepared = Prepared::default();
    for (collection, split) in preprocessed.collections.iter().zip(splits) {
        let pairing = params.pairing.as_ref().map(|params| pairing_of(project, collection, params)).transpose()?;
        let PreprocessedCollection { dataset, name, scenes, .. } = collection.clone();
        prepared.collections.push(PreparedCollection { dataset, name, scenes, split, pairing });
    }
    write_json(&project.out(FILE), &prepared)?;
    Ok(prepared)
}

/// At least one collection chooses.
fn splits(num_collections: usize, held_out_share: f64, seed: u64) -> Vec<Split> {
    let num_held_out = (held_out_share * num_collections as f64).floor() as usize;
    let mut splits = vec![Split::Select; num_collections];
    for held_out in SplitMix64::new(seed).choose(num_collections, num_held_out) {
        splits[held_out] = Split::HeldOut;
    }
    splits
}

fn pairing_of(
    project: &Project,
    collection: &PreprocessedCollection,
    params: &PairingParams,
) -> Result<Pairing, ExperimentError> {
    let num_photos = collection.photos.len();
    let method = match params.method {
        PairingMethod::Exhaustive if num_photos > params.max_exhaustive_photos => PairingMethod::Retrieval,
        method => method,
    };
    let PairingParams { window, num_neighbors, .. } = params;
    let (set, pairs) = match method {
        PairingMethod::Exhaustive => {
            (vec!["pairing.method=exhaustive".to_owned()], Some(pairing::exhaustive(num_photos)))
        }
        PairingMethod::Sequential => {
            let set = ["pairing.method=sequential", &format!("pairing.window={window}"), "pairing.loop_closures=0"];
            (set.map(str::to_owned).to_vec(), Some(pairing::sequential(num_photos, *window as usize)))
        }
        PairingMethod::Retrieval => {
            let set = ["pairing.method=retrieval", &format!("pairing.num_neighbors={num_neighbors}")];
            (set.map(str::to_owned).to_vec(), None)
        }
    };
    let Some(pairs) = pairs else { return Ok(Pairing { set, num_pairs: None, list: None }) };
    let name = |pair: &ImagePair| [pair.image1, pair.image2].map(|id| collection.photos[id.0 as usize - 1].as_str());
    let names: Vec<[&str; 2]> = pairs.iter().map(name).collect();
    let list = format!("prepared/pairs/{}/{}.json", collection.dataset, collection.name);
    write_json(&project.out(&list), &names)?;
    Ok(Pairing { set, num_pairs: Some(pairs.len()), list: Some(list) })
}

#[cfg(test)]
mod tests {
    use super::*;

    const PARAMS: &str = "datasets: {made: {layout: scenes}}\nconfigs: {only: {file: c.toml}}\n\
        select: {champion: only, metric: auc_5, alpha: 0.05, max_scene_loss: 2, out: best.toml}\n";

    fn prepared(prepare_params: &str, sizes: &[usize]) -> (tempfile::TempDir, Prepared) {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("params.yaml"), format!("{PARAMS}prepare: {prepare_params}\n")).unwrap();
        let project = Project::open(folder.path()).unwrap();
        let collection = |(index, num_photos): (usize, &usize)| PreprocessedCollection {
            dataset: "made".to_owned(),
            name: format!("c{index:02}"),
            photos: (0..*num_photos).map(|photo| format!("{photo}.jpg")).collect(),
            scenes: vec!["one".to_owned()],
            num_changed: 0,
        };
        let collections = sizes.iter().enumerate().map(collection).collect();
        write_json(&project.out(preprocess::FILE), &Preprocessed { collections }).unwrap();
        let prepared = prepare(&project).unwrap();
        (folder, prepared)
    }

    #[test]
    fn the_seed_decides_what_is_held_out() {
        let held_out = |params: &str| -> Vec<String> {
            let collections = prepared(params, &[4; 10]).1.collections;
            collections.iter().filter(|of| of.split == Split::HeldOut).map(|of| of.name.clone()).collect()
        };
        let first = held_out("{held_out_share: 0.3}");
        assert_eq!((first.len(), held_out("{held_out_share: 0.3}")), (3, first.clone()));
        assert_ne!(held_out("{held_out_share: 0.3, seed: 1}"), first);
        assert_eq!(held_out("{}").len(), 0);
        assert_eq!(prepared("{held_out_share: 0.9}", &[4]).1.collections[0].split, Split::Select);
    }

    #[test]
    fn pairs_are_those_of_the_pipeline() {
        let (folder, exhaustive) = prepared("{pairing: {method: exhaustive, max_exhaustive_photos: 5}}", &[4, 6]);
        let [small, large] = [0, 1].map(|index| exhaustive.collections[index].pairing.clone().unwrap());
        assert_eq!((small.set, small.num_pairs), (vec!["pairing.method=exhaustive".to_owned()], Some(6)));
        let list = std::fs::read_to_string(folder.path().join("out").join(small.list.unwrap())).unwrap();
        let list: Vec<[String; 2]> = serde_json::from_str(&list).unwrap();
        assert_eq!((list.len(), &list[0]), (6, &["0.jpg".to_owned(), "1.jpg".to_owned()]));
        assert_eq!((large.set[0].as_str(), large.list), ("pairing.method=retrieval", None));
        let sequential = prepared("{pairing: {method: sequential, window: 1}}", &[4]).1.collections;
        assert_eq!(sequential[0].pairing.clone().unwrap().num_pairs, Some(3));
        assert_eq!(prepared("{}", &[4]).1.collections[0].pairing, None);
    }
}
