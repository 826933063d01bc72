//! `scene3d eda`: measures how photos usually look, calibrates when others are said to differ, writes the baseline.

mod table;

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, bail};
use scene3d_experiments::eda::{Counter, measure_all};
use scene3d_monitor::drift::{Baseline, MIN_BASELINE_IMAGES};
use scene3d_pipeline::{Cancel, PhotoLimits, PhotoSet, PhotoSource, Rejected};

use crate::args::EdaArgs;
use crate::exit::EXIT_SUCCESS;

/// Measures, calibrates, writes, and prints what was found.
pub fn run(args: &EdaArgs) -> Result<u8> {
    check_out(&args.out)?;
    // mistakes in the config are told before an hour of measuring
    let counter = args.config.as_ref().map(|config| Counter::plan(config, &args.set)).transpose()?;
    let limits = PhotoLimits { max_pixels: args.max_megapixels.saturating_mul(1_000_000) };
    let photos = PhotoSet::read(&PhotoSource::Folder(args.photos.clone()), limits, &Cancel::default())?;
    check_enough(photos.photos.len(), &photos.rejected)?;
    let (measured, mut rejected) = measure_all(&photos.photos, limits);
    rejected.extend(photos.rejected);
    check_enough(measured.len(), &rejected)?;
    let statistics = match counter {
        Some(counter) => counter.add_to(&measured)?,
        None => measured.into_iter().map(|(_, statistics)| statistics).collect(),
    };
    let baseline = Baseline::calibrated(&statistics, args.seed)?;
    write(&args.out, &baseline.to_json()?)?;
    if args.json {
        println!("{:#}", table::json(&baseline, &args.out, statistics.len(), &rejected));
    } else {
        rejected.iter().for_each(|rejected| eprintln!("left out {}: {}", rejected.name, rejected.reason));
        print!("{}", table::text(&baseline, statistics.len()));
        println!("baseline  {}", args.out.display());
    }
    Ok(EXIT_SUCCESS)
}

fn check_out(out: &Path) -> Result<()> {
    let folder = out.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    if !folder.is_dir() {
        bail!("the folder of --out does not exist: {}; make it first", folder.display());
    }
    if out.is_dir() {
        bail!("--out is a folder, expected a file: {}", out.display());
    }
    Ok(())
}

fn check_enough(num_photos: usize, rejected: &[Rejected]) -> Result<()> {
    if num_photos >= MIN_BASELINE_IMAGES {
        return Ok(());
    }
    let reasons = rejected.iter().map(|rejected| format!("\n  {}: {}", rejected.name.escape_debug(), rejected.reason));
    bail!(
        "{num_photos} photos can be used, a baseline needs at least {MIN_BASELINE_IMAGES}; add photos{}",
        reasons.collect::<String>()
    )
}

/// Whole or not at all: a service may read it at any time.
fn write(out: &Path, json: &str) -> Result<()> {
    let mut partial = out.as_os_str().to_owned();
    partial.push(".partial");
    fs::write(&partial, json)
        .and_then(|()| fs::rename(&partial, out))
        .with_context(|| format!("can't be written: {}", out.display()))
}
