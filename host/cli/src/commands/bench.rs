//! `scene3d bench`: plugins side by side on the user's own photos, every measurement in a process of its own.

mod accuracy;
mod device;
mod extract;
mod figures;
mod load;
mod machine;
mod matching;
mod one;
mod page;
mod planning;
mod table;

use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use anyhow::{Context, Result, bail};
use scene3d_eval::ground_truth;
use scene3d_pipeline::{Cancel, PhotoLimits, PhotoSet};
use scene3d_tensor::Device;
use serde::de::DeserializeOwned;

use figures::{BenchReport, CombinationRow, Errand, ExtractorRow, Outcome, PhotoFacts, SCHEMA_VERSION};
use one::{Request, Task};
use planning::{Fit, Plan, PlannedCombination, PlannedExtractor};

use crate::args::BenchArgs;
use crate::exit::{EXIT_FAILURE, EXIT_SUCCESS};
use crate::quoted::quoted;

pub use one::run_one;

const JSON_NAME: &str = "bench.json";
const HTML_NAME: &str = "bench.html";
/// Folder of the runs, in the output folder.
const RUNS: &str = "runs";

/// Measures, prints the table and writes `bench.json` and `bench.html`; fails if nothing could be measured.
pub fn run(args: &BenchArgs) -> Result<u8> {
    let plan = Plan::new(args)?;
    let photos = PhotoSet::read(&args.photos.as_path().into(), PhotoLimits::default(), &Cancel::default())?;
    if let Some(path) = &args.ground_truth {
        ground_truth::read(path, &ground_truth::ImageSizes::default())
            .with_context(|| format!("no ground truth could be read from {}", path.display()))?;
    }
    let out = new_folder(&args.out)?;
    let errands = Errands { args, out: &out, features: tempfile::tempdir()? };
    let started = SystemTime::now();
    let extractors: Vec<ExtractorRow> = plan.extractors.iter().map(|e| errands.extract(e)).collect::<Result<_>>()?;
    let combinations = plan.combinations.iter().map(|c| errands.combination(c, &extractors));
    let report = BenchReport {
        schema_version: SCHEMA_VERSION,
        scene3d_version: env!("CARGO_PKG_VERSION").to_owned(),
        started_at: humantime::format_rfc3339_seconds(started).to_string(),
        command: command_line(),
        machine: machine::facts(plan.extractors.first().map_or(Device::Cpu, |extractor| extractor.plan.device)),
        photos: PhotoFacts {
            folder: args.photos.display().to_string(),
            num_images: photos.photos.len(),
            max_images: args.max_images as usize,
            max_pairs: args.max_pairs as usize,
        },
        ground_truth: args.ground_truth.clone(),
        combinations: combinations.collect::<Result<_>>()?,
        extractors,
    };
    let json = serde_json::to_value(&report)?;
    let text = format!("{json:#}\n");
    let html = page::html(&json)?;
    for (name, content) in [(JSON_NAME, text.as_bytes()), (HTML_NAME, &html)] {
        let path = out.join(name);
        std::fs::write(&path, content).with_context(|| format!("can't be written: {}", path.display()))?;
    }
    if args.json {
        print!("{text}");
    } else {
        print!("{}", table::of(&report));
        println!("figures  {}\nplots    {}", out.join(JSON_NAME).display(), out.join(HTML_NAME).display());
    }
    Ok(if report.num_measured() > 0 { EXIT_SUCCESS } else { EXIT_FAILURE })
}

fn new_folder(out: &Path) -> Result<PathBuf> {
    std::fs::create_dir_all(out).with_context(|| format!("output folder can't be made: {}", out.display()))?;
    let mut entries = std::fs::read_dir(out).with_context(|| format!("can't be read: {}", out.display()))?;
    if entries.next().is_some() {
        bail!("output folder is not empty; choose another with --out, or empty it: {}", out.display());
    }
    Ok(out.to_owned())
}

fn command_line() -> String {
    let arguments = std::env::args_os().skip(1).map(|word| format!(" {}", quoted(&word.to_string_lossy())));
    format!("scene3d{}", arguments.collect::<String>())
}

/// What child processes are sent for, one at a time.
struct Errands<'a> {
    args: &'a BenchArgs,
    out: &'a Path,
    /// Features of each extractor, for its matchers.
    features: tempfile::TempDir,
}

impl Errands<'_> {
    fn extract(&self, extractor: &PlannedExtractor) -> Result<ExtractorRow> {
        let id = extractor.plan.plugin_id();
        let folder = self.features_of(id);
        std::fs::create_dir(&folder)?;
        let outcome = self.send(&format!("extract {id}"), &extractor.config, Task::Extract { features: folder })?;
        Ok(ExtractorRow {
            extractor: id.to_owned(),
            version: extractor.plan.descriptor.version.clone(),
            family: extractor.plan.family.clone(),
            config: extractor.plan.config.clone(),
            outcome,
        })
    }

    fn combination(&self, combination: &PlannedCombination, extractors: &[ExtractorRow]) -> Result<CombinationRow> {
        let PlannedCombination { extractor, matcher, version, fit } = combination;
        let row = |matching, reconstruction, matcher_config| CombinationRow {
            extractor: extractor.clone(),
            matcher: matcher.clone(),
            version: version.clone(),
            config: matcher_config,
            matching,
            reconstruction,
        };
        let (config, matcher_config) = match fit {
            Fit::Fits { config, matcher_config } => (config, matcher_config.clone()),
            Fit::DoesNotFit { reason } => {
                return Ok(row(Outcome::DoesNotFit { reason: reason.clone() }, None, serde_json::Value::Null));
            }
        };
        let failed = extractors.iter().any(|row| row.extractor == *extractor && !row.outcome.is_measured());
        if failed {
            let reason = format!("there are no features: {extractor} failed");
            return Ok(row(Outcome::Failed { reason }, None, matcher_config));
        }
        let name = format!("{extractor}+{matcher}");
        let task = Task::Match { features: self.features_of(extractor), max_pairs: self.args.max_pairs as usize };
        let matching = self.send(&format!("match {name}"), config, task)?;
        let reconstruct = |truth: &PathBuf| {
            let out = self.out.join(RUNS).join(&name);
            let task = Task::Reconstruct { out, name: name.clone(), ground_truth: truth.clone() };
            self.send(&format!("reconstruct {name}"), config, task)
        };
        let reconstruction = self.args.ground_truth.as_ref().map(reconstruct).transpose()?;
        Ok(row(matching, reconstruction, matcher_config))
    }

    fn features_of(&self, extractor: &str) -> PathBuf {
        self.features.path().join(extractor)
    }

    fn send<T: DeserializeOwned>(&self, what: &str, config: &planning::BenchConfig, task: Task) -> Result<Outcome<T>> {
        eprintln!("{what}");
        let request = Request {
            photos: self.args.photos.clone(),
            max_images: self.args.max_images as usize,
            config: config.clone(),
            task,
        };
        let outcome = one::send(&request, Duration::from_secs(self.args.timeout_secs))?;
        if let Errand::Failed(reason) = &outcome {
            eprintln!("{what} failed: {reason}");
        }
        Ok(outcome.into())
    }
}
