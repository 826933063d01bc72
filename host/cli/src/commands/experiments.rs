//! `scene3d experiments`: the stages of an evaluation over the project of a folder.

mod report;

use std::ffi::OsString;
use std::path::Path;

use anyhow::{Context, Result, bail};
use scene3d_experiments::{ExperimentError, Project, RayCluster, Record, ReproOptions};
use scene3d_monitor::tracking::TrackingConfig;

use crate::args::{ExecutorArgs, ExecutorName, ExperimentArgs, ExperimentsCommand};
use crate::exit::EXIT_SUCCESS;
use crate::{cancel, progress};

/// Where records are, in a project.
const SPOOL: &str = "tracking";

/// Runs the stage.
pub fn run(command: ExperimentsCommand) -> Result<u8> {
    use scene3d_experiments as stages;
    match command {
        ExperimentsCommand::Validate(args) => {
            recorded(&args, "validate", |project| Ok(report::validation(&stages::validate(project)?)))
        }
        ExperimentsCommand::Eda(args) => {
            recorded(&args, "eda", |project| Ok(report::baselines(&stages::eda::eda(project)?)))
        }
        ExperimentsCommand::Preprocess(args) => {
            recorded(&args, "preprocess", |project| Ok(report::preprocessed(&stages::preprocess(project)?)))
        }
        ExperimentsCommand::Prepare(args) => {
            recorded(&args, "prepare", |project| Ok(report::prepared(&stages::prepare(project)?)))
        }
        ExperimentsCommand::Run { config, collection, where_to, experiment: args } => {
            let (project, record, cancel) = (Project::open(&args.project)?, record(&args)?, cancel::on_ctrl_c()?);
            let made = match where_to.executor {
                ExecutorName::Local => {
                    let observer = progress::observer(false);
                    stages::run(&project, (&config, collection.as_deref()), &record, &cancel, &observer)?
                }
                ExecutorName::Ray if collection.is_some() => bail!("--collection is for --executor local"),
                ExecutorName::Ray => {
                    let (cluster, more) = (cluster(where_to)?, spool_arguments(&args)?);
                    let tell = |told: &str| eprintln!("{told}");
                    stages::run_on_cluster(&project, &config, &record, (&cluster, &more), &cancel, tell)?
                }
            };
            print!("{}", report::runs(&made));
            Ok(EXIT_SUCCESS)
        }
        ExperimentsCommand::Evaluate(args) => {
            let project = Project::open(&args.project)?;
            stages::evaluate(&project, &record(&args)?)?;
            print!("{}", read(&project.out("evaluation/table.md"))?);
            Ok(EXIT_SUCCESS)
        }
        ExperimentsCommand::SelectBest(args) => {
            let project = Project::open(&args.project)?;
            let selection = stages::select_best(&project, &record(&args)?)?;
            println!("{}", selection.reason);
            println!("config  {}", project.path(&project.params.select.out).display());
            Ok(EXIT_SUCCESS)
        }
        ExperimentsCommand::Repro { dvc, experiment, arguments } => repro(dvc, &experiment, arguments),
    }
}

fn cluster(args: ExecutorArgs) -> Result<RayCluster> {
    let resource = |assignment: &String| -> Result<(String, f64)> {
        let wrong = || format!("--ray-resource `{assignment}`, expected e.g. entrypoint_num_gpus=1");
        let (name, amount) = assignment.split_once('=').with_context(wrong)?;
        Ok((name.to_owned(), amount.parse().with_context(wrong)?))
    };
    let token = args.ray_token_file.as_deref().map(read).transpose()?;
    Ok(RayCluster {
        dashboard: args.ray_dashboard,
        token: token.map(|token| token.trim().to_owned()),
        program: args.ray_program,
        resources: args.ray_resources.iter().map(resource).collect::<Result<_>>()?,
    })
}

/// Jobs put their records where this process does, which sends them.
fn spool_arguments(args: &ExperimentArgs) -> Result<Vec<String>> {
    let spool = std::path::absolute(spool(args)).context("the folder of the records has no absolute path")?;
    Ok(["--track-spool".to_owned(), spool.to_string_lossy().into_owned(), "--track-server=".to_owned()].to_vec())
}

/// A stage that has nothing more to record than that it ran, and what came of it.
fn recorded(
    args: &ExperimentArgs,
    name: &str,
    stage: impl FnOnce(&Project) -> Result<String, ExperimentError>,
) -> Result<u8> {
    let project = Project::open(&args.project)?;
    let record = record(args)?;
    print!("{}", record.simple(name, &project, stage)?);
    Ok(EXIT_SUCCESS)
}

fn repro(dvc: std::path::PathBuf, args: &ExperimentArgs, arguments: Vec<String>) -> Result<u8> {
    let project = Project::open(&args.project)?;
    let spool = std::path::absolute(spool(args)).context("the folder of the records has no absolute path")?;
    // this process sends what the stages record
    let environment = vec![
        ("SCENE3D_TRACKING_SPOOL".to_owned(), spool.into_os_string()),
        ("SCENE3D_TRACKING_SERVER".to_owned(), OsString::new()),
    ];
    // DVC runs in the project's folder; a bare name is looked for on the PATH
    let dvc = if dvc.components().count() > 1 { std::path::absolute(&dvc)? } else { dvc };
    let options = ReproOptions { dvc, arguments, environment };
    let status = scene3d_experiments::repro(&args.project, &project, &record(args)?, &options)?;
    if !status.success() {
        bail!("dvc repro failed ({status}); what the stage said stands above");
    }
    Ok(EXIT_SUCCESS)
}

fn spool(args: &ExperimentArgs) -> std::path::PathBuf {
    args.spool.clone().unwrap_or_else(|| args.project.join(SPOOL))
}

fn record(args: &ExperimentArgs) -> Result<Record> {
    let config = TrackingConfig {
        server: args.server.clone().filter(|server| !server.is_empty()),
        token_file: args.secret.token_file.clone(),
        basic_auth_file: args.secret.password_file.clone(),
        ..TrackingConfig::new(&spool(args))
    };
    Ok(Record::open(&config, args.parent.clone()))
}

fn read(path: &Path) -> Result<String> {
    std::fs::read_to_string(path).with_context(|| format!("can't be read: {}", path.display()))
}
