//! Experiments and runs on the server.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{Fault, Mlflow};
use crate::tracking::ids::RunId;
use crate::tracking::record::{Record, What};

/// The tag by which a run is found again.
const RUN_ID_TAG: &str = "scene3d.run_id";
/// The tag that says which run it is part of, whether or not the server has that one.
const PARENT_ID_TAG: &str = "scene3d.parent_run_id";

/// A run as the server knows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RemoteRun {
    /// Its experiment there.
    pub experiment_id: String,
    /// Its id there.
    pub run_id: String,
    /// Where its files lie.
    pub artifact_uri: String,
}

/// A run to make there.
#[derive(Debug)]
pub struct NewRun<'a> {
    /// Ours.
    pub id: &'a RunId,
    /// For people.
    pub name: &'a str,
    /// Milliseconds since the epoch.
    pub start_ms: i64,
    /// The run that it is part of, and that one there where it is known.
    pub parent: Option<(&'a RunId, Option<RemoteRun>)>,
}

#[derive(Deserialize)]
struct Found {
    #[serde(default)]
    runs: Vec<Run>,
}

#[derive(Deserialize)]
struct Created {
    run: Run,
}

#[derive(Deserialize)]
struct Run {
    info: RemoteRun,
}

impl Mlflow {
    /// The id of an experiment, which is made where it is missing.
    pub fn experiment(&self, name: &str) -> Result<String, Fault> {
        if let Some(id) = self.find_experiment(name)? {
            return Ok(id);
        }
        match self.post("experiments/create", &json!({ "name": name })) {
            Ok(answer) => text(&answer, &["experiment_id"]),
            // another client was quicker
            Err(fault) if fault.is_refused_as("RESOURCE_ALREADY_EXISTS") => {
                self.find_experiment(name)?.ok_or_else(|| unexpected("an experiment that exists and is not found"))
            }
            Err(fault) => Err(fault),
        }
    }

    fn find_experiment(&self, name: &str) -> Result<Option<String>, Fault> {
        match self.get("experiments/get-by-name", &[("experiment_name", name)]) {
            Ok(answer) => {
                if answer["experiment"]["lifecycle_stage"] == "deleted" {
                    let help = "restore it in MLflow, or name another";
                    return Err(Fault::Failing(format!("the experiment `{name}` was deleted on the server: {help}")));
                }
                text(&answer, &["experiment", "experiment_id"]).map(Some)
            }
            Err(fault) if fault.is_refused_as("RESOURCE_DOES_NOT_EXIST") => Ok(None),
            Err(fault) => Err(fault),
        }
    }

    /// The runs there that carry our id; deleted ones too: what somebody deleted is not made again.
    pub fn find_runs(&self, experiment_id: &str, id: &RunId) -> Result<Vec<RemoteRun>, Fault> {
        let body = json!({
            "experiment_ids": [experiment_id],
            "filter": format!("tags.`{RUN_ID_TAG}` = '{id}'"),
            "run_view_type": "ALL",
            "order_by": ["attributes.start_time ASC", "attributes.run_id ASC"],
            "max_results": 100,
        });
        let found: Found = parsed(self.post("runs/search", &body)?)?;
        Ok(found.runs.into_iter().map(|run| run.info).collect())
    }

    /// Makes a run.
    pub fn create_run(&self, experiment_id: &str, new: &NewRun<'_>) -> Result<RemoteRun, Fault> {
        let mut tags = vec![
            json!({ "key": RUN_ID_TAG, "value": new.id }),
            json!({ "key": "mlflow.source.name", "value": "scene3d" }),
        ];
        if let Some((parent, remote)) = &new.parent {
            tags.push(json!({ "key": PARENT_ID_TAG, "value": parent }));
            tags.extend(remote.as_ref().map(|run| json!({ "key": "mlflow.parentRunId", "value": run.run_id })));
        }
        let body = json!({
            "experiment_id": experiment_id,
            "run_name": new.name,
            "start_time": new.start_ms,
            "tags": tags,
        });
        let created: Created = parsed(self.post("runs/create", &body)?)?;
        Ok(created.run.info)
    }

    /// Whether somebody deleted it there: it takes nothing more.
    pub fn is_deleted(&self, run: &RemoteRun) -> Result<bool, Fault> {
        let answer = self.get("runs/get", &[("run_id", &run.run_id)])?;
        Ok(answer["run"]["info"]["lifecycle_stage"] == "deleted")
    }

    /// Removes a run that was made twice.
    pub fn delete_run(&self, run: &RemoteRun) -> Result<(), Fault> {
        self.post("runs/delete", &json!({ "run_id": run.run_id })).map(drop)
    }

    /// Metrics, parameters and tags; repeating them changes nothing.
    pub fn log_batch(&self, run: &RemoteRun, records: &[Record]) -> Result<(), Fault> {
        let (mut metrics, mut params, mut tags) = (Vec::new(), Vec::new(), Vec::new());
        for record in records {
            match &record.what {
                What::Metric { key, value, step } => {
                    metrics.push(json!({ "key": key, "value": value, "timestamp": record.time_ms, "step": step }));
                }
                What::Param { key, value } => params.push(json!({ "key": key, "value": value })),
                What::Tag { key, value } => tags.push(json!({ "key": key, "value": value })),
                _ => {}
            }
        }
        let body = json!({ "run_id": run.run_id, "metrics": metrics, "params": params, "tags": tags });
        self.post("runs/log-batch", &body).map(drop)
    }

    /// `RUNNING`, or how it ended and when.
    pub fn set_status(&self, run: &RemoteRun, status: &str, end_ms: Option<i64>) -> Result<(), Fault> {
        let mut body = json!({ "run_id": run.run_id, "status": status });
        if let Some(end_ms) = end_ms {
            body["end_time"] = end_ms.into();
        }
        self.post("runs/update", &body).map(drop)
    }
}

pub(super) fn parsed<T: for<'de> Deserialize<'de>>(answer: Value) -> Result<T, Fault> {
    serde_json::from_value(answer).map_err(|error| unexpected(&error.to_string()))
}

pub(super) fn text(answer: &Value, path: &[&str]) -> Result<String, Fault> {
    let value = path.iter().fold(answer, |value, name| &value[*name]);
    value.as_str().map(str::to_owned).ok_or_else(|| unexpected(&format!("no `{}`", path.join("."))))
}

/// Whoever answers so is no MLflow server, or one that we don't know.
pub(super) fn unexpected(what: &str) -> Fault {
    Fault::Unreachable(format!("the tracking server's answer is not what MLflow's is: {what}"))
}
