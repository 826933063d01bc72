//! A whole run in this process, as `scene3d reconstruct` makes it.

use std::path::PathBuf;

use scene3d_engine::ErrorCode;
use scene3d_pipeline::{Cancel, PhotoLimits, PipelineError, Request, reconstruct};
use tempfile::TempDir;

use crate::callbacks::Told;
use crate::failure::Failure;
use crate::photos::Photos;
use crate::pipeline::Inner;
use crate::reconstruction::Reconstruction;
use crate::watched::Teller;

/// What to reconstruct and where to.
pub(crate) struct Run {
    pub photos: Photos,
    /// None: a temporary folder, which lives as long as the result.
    pub out: Option<PathBuf>,
    pub resume: bool,
    pub limits: PhotoLimits,
}

impl Run {
    pub(crate) fn make(self, pipeline: &Inner, teller: &Teller, cancel: &Cancel) -> Result<Reconstruction, Failure> {
        let scratch = self.out.is_none().then(TempDir::new).transpose().map_err(|error| {
            Failure::new(ErrorCode::UNAVAILABLE, format!("no temporary folder: {error}"), "name a folder: out=...")
        })?;
        let out = self.out.or_else(|| scratch.as_ref().map(|folder| folder.path().to_owned())).unwrap_or_default();
        let request = Request {
            photos: self.photos.source(),
            out,
            config_name: pipeline.config_name.clone(),
            negotiated: pipeline.negotiated.clone(),
            resume: self.resume,
            limits: self.limits,
            command: format!("scene3d reconstruct PHOTOS --config {}.toml --out OUT", pipeline.config_name),
        };
        let told = Told::new(teller);
        let failed = |error: PipelineError| {
            let failure = Failure::of_pipeline(&error, told.stage());
            match error {
                PipelineError::Cancelled if scratch.is_some() => {
                    Failure { message: "cancelled; nothing is kept without a folder, out=...".to_owned(), ..failure }
                }
                PipelineError::Cancelled => {
                    Failure { message: "cancelled; the same call goes on with what was finished".to_owned(), ..failure }
                }
                PipelineError::OutputExists(_) => {
                    Failure { help: "pass resume=True to go on with it".to_owned(), ..failure }
                }
                _ => failure,
            }
        };
        let outcome = reconstruct(&request, &pipeline.plugins, told.clone(), cancel).map_err(failed)?;
        Reconstruction::new(outcome, scratch)
    }
}
