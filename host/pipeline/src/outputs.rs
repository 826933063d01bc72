//! Writes a finished run into its output folder.

use std::path::Path;

use scene3d_export::{ExportError, OutputFile, Report, write_atomic};

use crate::PipelineError;
use crate::context::Context;
use crate::finished::Finished;
use crate::run_report::run_report;

/// The report for people.
pub(crate) const REPORT_HTML: &str = "report.html";
const REPORT_JSON: &str = "report.json";
/// Folder of the COLMAP model.
const MODEL: &str = "model";

/// Writes the largest model in every format; nothing if there is none.
pub(crate) fn write_model(out: &Path, finished: &Finished<'_>) -> Result<Vec<OutputFile>, PipelineError> {
    let mut outputs = Vec::new();
    let Some(model) = finished.mapping.models.first() else { return Ok(outputs) };
    let files = scene3d_scene::colmap::write_binary(model);
    for (name, bytes) in [("cameras", files.cameras), ("images", files.images), ("points3D", files.points3d)] {
        let path = format!("{MODEL}/{name}.bin");
        write_atomic(&out.join(&path), |sink| {
            sink.write_all(&bytes).map_err(|source| ExportError::Write { format: "COLMAP", source })
        })?;
        outputs.push(OutputFile { path, num_bytes: bytes.len() as u64, description: "COLMAP model".to_owned() });
    }
    Ok(outputs)
}

/// Writes `report.json` and `report.html`.
pub(crate) fn write_report(
    context: &Context<'_>,
    finished: &Finished<'_>,
    outputs: Vec<OutputFile>,
) -> Result<Report, PipelineError> {
    let report = run_report(context, finished, outputs)?;
    write_atomic(&context.request.out.join(REPORT_JSON), |sink| report.write(sink))?;
    Ok(report)
}
