//! `scene3d reconstruct`: checks the config, runs the pipeline, says where the results lie.

use std::sync::Arc;

use anyhow::Result;
use scene3d_engine::{RawConfig, Registry, SearchPaths, negotiate};
use scene3d_pipeline::{Outcome, PhotoLimits, PhotoSource, Plugins, Request, reconstruct};

use crate::args::ReconstructArgs;
use crate::exit::EXIT_SUCCESS;
use crate::quoted::quoted;
use crate::tracked_run::TrackedRun;
use crate::{cancel, progress};

/// Runs the pipeline.
pub fn run(args: &ReconstructArgs) -> Result<u8> {
    let raw = RawConfig::load(&args.config.config, &args.config.set)?;
    let paths = SearchPaths::new(&raw);
    let plugins = Plugins::new(Registry::discover(&paths));
    let negotiated = negotiate(&raw, &plugins.registry, &paths.weights).map_err(scene3d_engine::EngineError::from)?;
    let config_name =
        args.config.config.file_stem().map_or_else(String::new, |stem| stem.to_string_lossy().into_owned());
    let tracked = TrackedRun::begin(&args.track, &config_name, &negotiated.config)?;
    let request = Request {
        photos: PhotoSource::from(args.photos.as_path()),
        out: args.out.clone(),
        config_name,
        negotiated,
        resume: args.resume,
        limits: PhotoLimits { max_pixels: args.max_megapixels.saturating_mul(1_000_000) },
        command: command_line(args),
    };
    let observer = progress::observer(args.json);
    let observer = tracked.as_ref().map_or_else(|| Arc::clone(&observer), |tracked| tracked.beside(&observer));
    let outcome = reconstruct(&request, &plugins, observer, &cancel::on_ctrl_c()?);
    if let Some(tracked) = &tracked {
        tracked.end(&outcome, &args.out);
    }
    let outcome = outcome?;
    if !args.json {
        print_outcome(&outcome);
    }
    Ok(EXIT_SUCCESS)
}

fn command_line(args: &ReconstructArgs) -> String {
    let set = args.config.set.iter().map(|assignment| format!(" --set {}", quoted(assignment)));
    let path = |path: &std::path::Path| quoted(&path.display().to_string());
    let (photos, config, out) = (path(&args.photos), path(&args.config.config), path(&args.out));
    format!("scene3d reconstruct {photos} --config {config} --out {out}{}", set.collect::<String>())
}

fn print_outcome(outcome: &Outcome) {
    let Outcome { num_images, statistics, out, report, secs, .. } = outcome;
    let (registered, points) = (statistics.num_registered, statistics.num_points3d);
    let error_px = statistics.mean_reprojection_error_px;
    println!("registered {registered} of {num_images} images, {points} points, {error_px:.3} px, in {secs:.1} s");
    println!("model   {}", out.join("model").display());
    println!("report  {}", report.display());
}
