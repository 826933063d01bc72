//! Writes a finished run into its output folder.

use std::io::{self, Write};
use std::path::Path;

use scene3d_export::{
    ExportError, OutputFile, Report, TransformsPaths, default_decimated_points, write_atomic, write_colmap_binary,
    write_colmap_text, write_decimated_ply, write_glb, write_ply, write_tiles, write_transforms,
};

use scene3d_scene::{Reconstruction, SceneError};

use crate::context::Context;
use crate::finished::Finished;
use crate::html_report::write_html_report;
use crate::run_report::run_report;
use crate::{Cancel, PipelineError};

/// The report for people.
pub(crate) const REPORT_HTML: &str = "report.html";
const REPORT_JSON: &str = "report.json";
/// Folder of the COLMAP model.
const MODEL: &str = "model";
const POINTS: &str = "points.ply";

/// Writes the largest model in every format; nothing if there is none.
pub(crate) fn write_model(context: &Context<'_>, finished: &Finished<'_>) -> Result<Vec<OutputFile>, PipelineError> {
    let Some(model) = finished.mapping.models.first() else { return Ok(Vec::new()) };
    let out = &context.request.out;
    write_colmap_binary(model, &out.join(MODEL))?;
    context.cancel.check()?;
    write_text_model(context, model)?;
    let file = |path: &str, write: &dyn Fn(&mut dyn Write) -> Result<(), ExportError>| {
        write_atomic(&out.join(path), |sink| write(&mut UntilCancelled { sink, cancel: &context.cancel }))
    };
    let max_points = default_decimated_points(model.points3d.len());
    let photos = photos_folder(context);
    let paths = TransformsPaths { photos: &photos, ply: Some(POINTS) };
    file(POINTS, &|sink| write_ply(model, sink))?;
    file("points-decimated.ply", &|sink| write_decimated_ply(model, max_points, sink))?;
    file("scene.glb", &|sink| write_glb(model, sink))?;
    file("scene.tiles", &|sink| write_tiles(model, sink))?;
    file("transforms.json", &|sink| write_transforms(model, paths, sink))?;
    let written = DESCRIPTIONS.iter().filter(|(path, _)| out.join(path).is_file());
    written.map(|(path, description)| output_file(out, path, description)).collect()
}

/// A sink that fails once the run is cancelled: a large model takes seconds to write.
struct UntilCancelled<'a> {
    sink: &'a mut dyn Write,
    cancel: &'a Cancel,
}

impl Write for UntilCancelled<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.cancel.check().map_err(io::Error::other)?;
        self.sink.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.sink.flush()
    }
}

/// Absolute; empty where the photos lie in no folder of their names.
fn photos_folder(context: &Context<'_>) -> String {
    let folder = context.request.photos.folder();
    let absolute = folder.map(|folder| folder.canonicalize().unwrap_or_else(|_| folder.to_owned()));
    absolute.unwrap_or_default().to_string_lossy().into_owned()
}

/// The text format has no way to write a line break in a name; the binary one is there all the same.
fn write_text_model(context: &Context<'_>, model: &Reconstruction) -> Result<(), PipelineError> {
    match write_colmap_text(model, &context.request.out.join(MODEL)) {
        Err(ExportError::Scene(error @ SceneError::NameWithLineBreak(_))) => {
            context.warn(format!("the model was written in binary only: {error}"));
            Ok(())
        }
        other => Ok(other?),
    }
}

/// What is written of a model.
const DESCRIPTIONS: [(&str, &str); 11] = [
    ("model/cameras.bin", "COLMAP model, binary"),
    ("model/images.bin", "COLMAP model, binary"),
    ("model/points3D.bin", "COLMAP model, binary"),
    ("model/cameras.txt", "COLMAP model, text"),
    ("model/images.txt", "COLMAP model, text"),
    ("model/points3D.txt", "COLMAP model, text"),
    (POINTS, "point cloud with colour, reprojection error and track length"),
    ("points-decimated.ply", "fewer points, for a quick look"),
    ("scene.glb", "points and camera frustums for 3D viewers"),
    ("scene.tiles", "points in levels of detail with tracks and cameras, for viewers that read in part over HTTP"),
    ("transforms.json", "cameras for NeRF and Gaussian splatting tools"),
];

fn output_file(out: &Path, path: &str, description: &str) -> Result<OutputFile, PipelineError> {
    let full = out.join(path);
    let metadata = std::fs::metadata(&full).map_err(|source| PipelineError::ReadFile { path: full, source })?;
    Ok(OutputFile { path: path.to_owned(), num_bytes: metadata.len(), description: description.to_owned() })
}

/// Writes `report.json` and `report.html`.
pub(crate) fn write_report(
    context: &Context<'_>,
    finished: &Finished<'_>,
    outputs: Vec<OutputFile>,
) -> Result<Report, PipelineError> {
    context.cancel.check()?;
    let report = run_report(context, finished, outputs)?;
    write_atomic(&context.request.out.join(REPORT_JSON), |sink| report.write(sink))?;
    context.cancel.check()?;
    write_html_report(context, finished, &report, &context.request.out.join(REPORT_HTML))?;
    Ok(report)
}
