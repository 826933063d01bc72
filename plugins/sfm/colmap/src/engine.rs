//! The two engines behind one face.

use std::path::PathBuf;

use scene3d_sdk::{ErrorCode, LogLevel, MatchGraph, Result, SdkError};

use crate::child::Watch;
use crate::cli::Cli;
use crate::config::{ColmapConfig, EngineChoice};
use crate::find;
use crate::job::Job;
use crate::pycolmap::Pycolmap;

/// What runs COLMAP.
pub(crate) enum Engine {
    Pycolmap(Pycolmap),
    Cli(Cli),
}

/// What can run COLMAP here.
#[derive(Debug, Clone)]
pub(crate) struct Choice {
    python: Option<PathBuf>,
    colmap: Option<PathBuf>,
    start_timeout_secs: u64,
}

impl Choice {
    /// Looks for what the config allows.
    pub(crate) fn find(config: &ColmapConfig) -> Result<Self> {
        let python = match config.engine {
            EngineChoice::Cli => None,
            _ => find::python(&config.python)?,
        };
        let colmap = match config.engine {
            EngineChoice::Pycolmap => None,
            _ => find::colmap(&config.colmap)?,
        };
        if python.is_some() || colmap.is_some() {
            return Ok(Self { python, colmap, start_timeout_secs: config.start_timeout_secs });
        }
        let what = match config.engine {
            EngineChoice::Auto => "neither a Python with pycolmap nor the program `colmap` was found",
            EngineChoice::Pycolmap => "no Python with pycolmap was found",
            EngineChoice::Cli => "the program `colmap` was not found on PATH",
        };
        Err(SdkError::unavailable(what).help(find::how_to_get_one()))
    }
}

impl Engine {
    /// Starts pycolmap if there is one, which goes on while the caller does something else.
    pub(crate) fn start(choice: &Choice) -> Result<Self> {
        match (&choice.python, &choice.colmap) {
            (Some(python), _) => Pycolmap::start(python.clone(), choice.start_timeout_secs).map(Self::Pycolmap),
            (None, Some(colmap)) => Cli::start(colmap.clone()).map(Self::Cli),
            (None, None) => Err(SdkError::unavailable("there is no COLMAP").help(find::how_to_get_one())),
        }
    }

    /// The engine once it is known to run: a Python without pycolmap, or that hangs importing it, gives way to the
    /// program.
    pub(crate) fn ready(self, choice: &Choice, watch: &Watch<'_>) -> Result<(Self, String)> {
        match self {
            Self::Cli(cli) => {
                let name = format!("colmap {}", cli.version());
                Ok((Self::Cli(cli), name))
            }
            Self::Pycolmap(mut pycolmap) => match (pycolmap.wait_until_ready(watch), &choice.colmap) {
                (Ok(version), _) => Ok((Self::Pycolmap(pycolmap), format!("pycolmap {version}"))),
                (Err(error), Some(colmap)) if matches!(error.code, ErrorCode::UNAVAILABLE | ErrorCode::TIMEOUT) => {
                    watch.caller.log(LogLevel::Warn, &format!("using {} because {error}", colmap.display()));
                    Self::Cli(Cli::start(colmap.clone())?).ready(choice, watch)
                }
                (Err(error), _) => Err(error),
            },
        }
    }

    /// Names of the images in the database.
    pub(crate) fn image_names(&self, graph: &MatchGraph) -> Vec<String> {
        match self {
            Self::Pycolmap(_) => graph.images.iter().map(|image| image.name.clone()).collect(),
            Self::Cli(_) => graph.images.iter().map(|image| Cli::image_name(image.image_id)).collect(),
        }
    }

    pub(crate) fn create_database(&mut self, job: &Job<'_>, watch: &Watch<'_>) -> Result<()> {
        match self {
            Self::Pycolmap(pycolmap) => pycolmap.create_database(job, watch),
            Self::Cli(cli) => cli.create_database(job, watch),
        }
    }

    pub(crate) fn verify(&mut self, graph: &MatchGraph, job: &Job<'_>, watch: &Watch<'_>) -> Result<()> {
        match self {
            Self::Pycolmap(pycolmap) => pycolmap.verify(job, watch),
            Self::Cli(cli) => cli.verify(graph, job, watch),
        }
    }

    pub(crate) fn reconstruct(&mut self, job: &Job<'_>, watch: &Watch<'_>) -> Result<()> {
        match self {
            Self::Pycolmap(pycolmap) => pycolmap.reconstruct(job, watch),
            Self::Cli(cli) => cli.reconstruct(job, watch),
        }
    }
}
