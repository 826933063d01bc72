//! One measurement in a process of its own: the request goes in as an argument, the figures come back as one line of
//! JSON.

use std::path::PathBuf;
use std::process::Output;
use std::time::Duration;

use anyhow::{Context, Result};
use scene3d_pipeline::{Cancel, Photo, PhotoLimits, PhotoSet};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::figures::Errand;
use super::planning::BenchConfig;
use super::{accuracy, extract, matching};

use crate::child;
use crate::exit::EXIT_SUCCESS;

/// What to measure, with what.
#[derive(Debug, Serialize, Deserialize)]
pub struct Request {
    /// Folder of the photos.
    pub photos: PathBuf,
    /// How many of them, in the order of their names, are extracted and matched at most.
    pub max_images: usize,
    /// Config of the stages.
    pub config: BenchConfig,
    /// What to measure.
    pub task: Task,
}

/// What to measure.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Task {
    /// The extractor; its features are kept for the matchers.
    Extract {
        /// Where.
        features: PathBuf,
    },
    /// The matcher.
    Match {
        /// Where the extractor's features are.
        features: PathBuf,
        /// How many pairs are matched at most.
        max_pairs: usize,
    },
    /// A whole run, and how near it comes to the truth.
    Reconstruct {
        /// Output folder of the run.
        out: PathBuf,
        /// What the run is called.
        name: String,
        /// What is true.
        ground_truth: PathBuf,
    },
}

/// Measures here and prints the figures.
pub fn run_one(request: &str) -> Result<u8> {
    let request: Request = serde_json::from_str(request).context("the request can't be read")?;
    let line = match &request.task {
        Task::Extract { features } => serde_json::to_string(&extract::measure(&request, features)?)?,
        Task::Match { features, max_pairs } => {
            serde_json::to_string(&matching::measure(&request, features, *max_pairs)?)?
        }
        Task::Reconstruct { out, name, ground_truth } => {
            serde_json::to_string(&accuracy::measure(&request, out, name, ground_truth)?)?
        }
    };
    println!("{line}");
    Ok(EXIT_SUCCESS)
}

/// Lets a child process measure; that it fails or crashes is an outcome, not an error.
pub fn send<T: DeserializeOwned>(request: &Request, deadline: Duration) -> Result<Errand<T>> {
    let request = serde_json::to_string(request).context("a path here is not valid UTF-8")?;
    Ok(match child::run(["bench-one", &request], deadline)? {
        Some(output) => answer(&output),
        None => Errand::Failed(format!("no answer within {} s; --timeout-secs allows more", deadline.as_secs())),
    })
}

fn answer<T: DeserializeOwned>(output: &Output) -> Errand<T> {
    let [stdout, stderr] = [&output.stdout, &output.stderr].map(|bytes| String::from_utf8_lossy(bytes));
    let said = || stderr.rsplit_once("error: ").map(|(_, reason)| reason.trim().to_owned());
    let last_words = || stderr.trim().lines().last().map_or_else(String::new, |line| format!(": {line}"));
    match output.status.code() {
        // libraries may print before it
        Some(0) => match serde_json::from_str(stdout.lines().last().unwrap_or_default()) {
            Ok(figures) => Errand::Done(figures),
            Err(error) => Errand::Failed(format!("its answer can't be read: {error}")),
        },
        Some(code) => Errand::Failed(said().unwrap_or_else(|| format!("exit code {code}{}", last_words()))),
        None => Errand::Failed(format!("crashed, {}{}", child::ended_by(output.status), last_words())),
    }
}

impl Request {
    /// The photos to extract and match.
    pub fn photos(&self) -> Result<Vec<Photo>> {
        let mut photos =
            PhotoSet::read(&self.photos.as_path().into(), PhotoLimits::default(), &Cancel::default())?.photos;
        photos.truncate(self.max_images);
        Ok(photos)
    }
}
