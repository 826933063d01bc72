//! `run.toml`: everything needed to run it again.

use scene3d_engine::Negotiated;
use scene3d_export::{ExportError, write_atomic};
use serde::Serialize;

use crate::PipelineError;
use crate::context::Context;
use crate::photos::PhotoSet;

/// Name of the file in the output folder.
pub(crate) const FILE_NAME: &str = "run.toml";

#[derive(Serialize)]
struct RunRecord<'a> {
    scene3d_version: &'a str,
    started_at: &'a str,
    command: &'a str,
    photos: String,
    device: String,
    threads: usize,
    seed: u64,
    plugins: Vec<PluginRecord<'a>>,
    inputs: Vec<InputRecord<'a>>,
    config: toml::Table,
}

#[derive(Serialize)]
struct PluginRecord<'a> {
    id: &'a str,
    kind: &'a str,
    version: &'a str,
    license: &'a str,
    weights: Vec<WeightRecord<'a>>,
}

#[derive(Serialize)]
struct WeightRecord<'a> {
    name: &'a str,
    sha256: &'a str,
    license: &'a str,
}

#[derive(Serialize)]
struct InputRecord<'a> {
    name: &'a str,
    sha256: &'a str,
}

/// Writes `run.toml` into the output folder.
pub(crate) fn write(context: &Context<'_>, photos: &PhotoSet) -> Result<(), PipelineError> {
    let negotiated = &context.request.negotiated;
    let config = negotiated.config.to_toml().parse().map_err(|error| PipelineError::internal(format!("{error}")))?;
    let record = RunRecord {
        scene3d_version: env!("CARGO_PKG_VERSION"),
        started_at: &context.started_at,
        command: &context.request.command,
        photos: context.request.photos.describe(),
        device: context.device().to_string(),
        threads: context.threads(),
        seed: context.seed(),
        plugins: plugin_records(negotiated),
        inputs: photos.photos.iter().map(|p| InputRecord { name: &p.info.name, sha256: &p.sha256 }).collect(),
        config,
    };
    let text = toml::to_string_pretty(&record).map_err(|error| PipelineError::internal(error.to_string()))?;
    let path = context.request.out.join(FILE_NAME);
    Ok(write_atomic(&path, |sink| {
        sink.write_all(text.as_bytes()).map_err(|source| ExportError::Write { format: FILE_NAME, source })
    })?)
}

fn plugin_records(negotiated: &Negotiated) -> Vec<PluginRecord<'_>> {
    negotiated
        .distinct_stages()
        .into_iter()
        .map(|plan| PluginRecord {
            id: plan.plugin_id(),
            kind: plan.kind().name(),
            version: &plan.descriptor.version,
            license: &plan.descriptor.license,
            weights: plan
                .weights
                .iter()
                .map(|w| WeightRecord { name: &w.name, sha256: &w.sha256, license: &w.license })
                .collect(),
        })
        .collect()
}
