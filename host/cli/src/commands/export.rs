//! `scene3d export`: a model in another format.

use std::fs;

use anyhow::{Context, Result};
use scene3d_export::{
    ExportError, TransformsPaths, write_atomic, write_colmap_binary, write_colmap_text, write_glb, write_ply,
    write_tiles, write_transforms,
};

use crate::args::{ExportArgs, ExportFormat};
use crate::exit::EXIT_SUCCESS;
use crate::model_folder;

/// The report of a run, in its output folder.
const REPORT_HTML: &str = "report.html";

/// Writes the file or folder.
pub fn run(args: &ExportArgs) -> Result<u8> {
    if args.to == ExportFormat::Report {
        return copy_report(args);
    }
    let model = model_folder::read(&args.model)?;
    match args.to {
        ExportFormat::Ply => write_atomic(&args.out, |sink| write_ply(&model, sink))?,
        ExportFormat::Glb => write_atomic(&args.out, |sink| write_glb(&model, sink))?,
        ExportFormat::Tiles => write_atomic(&args.out, |sink| write_tiles(&model, sink))?,
        ExportFormat::Transforms => {
            let paths = TransformsPaths { photos: "", ply: None };
            write_atomic(&args.out, |sink| write_transforms(&model, paths, sink))?;
        }
        ExportFormat::Colmap => write_both(&model, args)?,
        ExportFormat::Report => {}
    }
    println!("wrote {}", args.out.display());
    Ok(EXIT_SUCCESS)
}

fn write_both(model: &scene3d_scene::Reconstruction, args: &ExportArgs) -> Result<(), ExportError> {
    write_colmap_binary(model, &args.out)?;
    write_colmap_text(model, &args.out)
}

/// The report was written with the run, with facts that the model alone does not have.
fn copy_report(args: &ExportArgs) -> Result<u8> {
    let report = args.model.join(REPORT_HTML);
    let html = fs::read(&report)
        .with_context(|| format!("there is no {}; `--to report` needs the output folder of a run", report.display()))?;
    write_atomic(&args.out, |sink| {
        sink.write_all(&html).map_err(|source| ExportError::Write { format: REPORT_HTML, source })
    })?;
    println!("wrote {}", args.out.display());
    Ok(EXIT_SUCCESS)
}
