//! Stage `run` on a Ray cluster: a job for each collection, all at once as far as the cluster has room.
//!
//! Nodes see the project at the same path as this machine, e.g. on a file system that they share. A job is the program with
//! one collection; what it makes lies where the stage would have put it.

use std::collections::BTreeMap;
use std::path::Path;
use std::thread;
use std::time::Duration;

use scene3d_pipeline::{Cancel, PipelineError};

use crate::prepare::{self, Prepared, PreparedCollection};
use crate::problem::Problem;
use crate::project::{Project, emptied, read_json, write_text};
use crate::ray_jobs::{RayCluster, RayJobs, Stands};
use crate::record::Record;
use crate::run::{self, RESOLVED, RunFacts};
use crate::{ExperimentError, configs};

/// How often the jobs are asked how they stand.
const POLL: Duration = Duration::from_secs(1);
/// How often the job of a collection is begun whose node is lost.
const MAX_TRIES: u32 = 3;
/// Of the log of a job that failed.
const MAX_LOG_LINES: usize = 15;

/// A job of a collection.
struct Submitted<'a> {
    collection: &'a PreparedCollection,
    id: String,
    tries: u32,
}

/// Runs a config over every collection and seed, each collection as a job of the cluster; `tell` hears how they stand. A job
/// whose node is lost is begun again and goes on from what was finished.
///
/// # Errors
/// As [`run`](run::run), and [`ExperimentError::Cluster`].
pub fn run_on_cluster(
    project: &Project,
    config: &str,
    record: &Record,
    (cluster, more_arguments): (&RayCluster, &[String]),
    cancel: &Cancel,
    mut tell: impl FnMut(&str),
) -> Result<Vec<RunFacts>, ExperimentError> {
    let prepared: Prepared = read_json(&project.out(prepare::FILE), "prepare")?;
    // every mistake of the config is told before anything is run
    let raw = configs::load(project, config, &project.params.run.set)?;
    let resolved = configs::checked(&raw, &configs::plugins(&raw))?.config;
    let out = project.out("runs").join(config);
    emptied(&out)?;
    write_text(&out.join(RESOLVED), &resolved.to_toml())?;
    let stage = record.stage(&format!("run@{config}"), &resolved.to_json());
    stage.artifact(RESOLVED, &out.join(RESOLVED));
    let parent = stage.id().map(|id| vec!["--track-parent".to_owned(), id]).unwrap_or_default();
    let jobs = RayJobs::of(cluster)?;
    let arguments = |collection: &PreparedCollection| -> Result<Vec<String>, ExperimentError> {
        let own = ["experiments", "run", "--executor", "local", "--config", config, "--collection", &collection.id()];
        let own = own.map(str::to_owned).to_vec();
        let project = ["--project".to_owned(), absolute(&project.path(""))?];
        Ok([own, project.to_vec(), parent.clone(), more_arguments.to_vec()].concat())
    };
    let made = Cluster { jobs: &jobs, project, config, cancel }.run_all(&prepared, arguments, &mut tell);
    stage.end(made.as_ref().map(drop));
    made
}

fn absolute(path: &Path) -> Result<String, ExperimentError> {
    let absolute = std::path::absolute(path).map_err(ExperimentError::io("find", path))?;
    Ok(absolute.to_string_lossy().into_owned())
}

struct Cluster<'a> {
    jobs: &'a RayJobs,
    project: &'a Project,
    config: &'a str,
    cancel: &'a Cancel,
}

impl Cluster<'_> {
    fn run_all(
        &self,
        prepared: &Prepared,
        arguments: impl Fn(&PreparedCollection) -> Result<Vec<String>, ExperimentError>,
        tell: &mut impl FnMut(&str),
    ) -> Result<Vec<RunFacts>, ExperimentError> {
        let submit = |collection: &PreparedCollection| {
            self.jobs.submit(&arguments(collection)?, &format!("{}@{}", collection.id(), self.config))
        };
        let mut open = Vec::new();
        let ended = (|| {
            for collection in &prepared.collections {
                open.push(Submitted { collection, id: submit(collection)?, tries: 1 });
            }
            tell(&format!("{} jobs are on the cluster", open.len()));
            self.wait(&mut open, submit, tell)
        })();
        if ended.is_err() {
            // what can't be stopped ends by itself
            open.iter().for_each(|job| drop(self.jobs.stop(&job.id)));
        }
        self.results(prepared, ended?)
    }

    /// Waits until all have ended; why some failed, by collection.
    fn wait(
        &self,
        open: &mut Vec<Submitted<'_>>,
        submit: impl Fn(&PreparedCollection) -> Result<String, ExperimentError>,
        tell: &mut impl FnMut(&str),
    ) -> Result<BTreeMap<String, String>, ExperimentError> {
        let mut failed = BTreeMap::new();
        while !open.is_empty() {
            if self.cancel.is_cancelled() {
                return Err(PipelineError::Cancelled.into());
            }
            thread::sleep(POLL);
            let mut index = 0;
            while index < open.len() {
                let job = &mut open[index];
                let name = job.collection.id();
                let state = self.jobs.state(&job.id)?;
                match state.stands() {
                    Stands::Waits | Stands::Runs => {
                        index += 1;
                        continue;
                    }
                    Stands::Lost if job.tries < MAX_TRIES => {
                        tell(&format!("{name}: its node was lost, it begins again"));
                        (job.id, job.tries) = (submit(job.collection)?, job.tries + 1);
                        continue;
                    }
                    Stands::Succeeded => tell(&format!("{name}: done")),
                    Stands::Failed | Stands::Lost => {
                        let why = self.why(&job.id, state.message.as_deref());
                        tell(&format!("{name}: failed"));
                        failed.insert(name, why);
                    }
                }
                open.swap_remove(index);
            }
        }
        Ok(failed)
    }

    /// The end of what it printed, else what the cluster says of it.
    fn why(&self, id: &str, message: Option<&str>) -> String {
        let log = self.jobs.log(id).unwrap_or_default();
        let lines: Vec<&str> = log.lines().filter(|line| !line.trim().is_empty()).collect();
        match lines.as_slice() {
            [] => message.unwrap_or("it printed nothing").to_owned(),
            lines => lines[lines.len().saturating_sub(MAX_LOG_LINES)..].join("\n    "),
        }
    }

    fn results(&self, prepared: &Prepared, failed: BTreeMap<String, String>) -> Result<Vec<RunFacts>, ExperimentError> {
        if !failed.is_empty() {
            let problem =
                |(place, what): (String, String)| Problem::new(format!("{place}, config {}", self.config), what, "");
            return Err(ExperimentError::Runs(failed.into_iter().map(problem).collect()));
        }
        let mut made = Vec::new();
        for collection in &prepared.collections {
            for &seed in &self.project.params.run.seeds {
                let folder = self.project.run(self.config, &collection.dataset, &collection.name, seed);
                made.push(read_json(&folder.join(run::FILE), "run")?);
            }
        }
        Ok(made)
    }
}
