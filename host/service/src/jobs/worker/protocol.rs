//! What a server and its worker say to each other: one JSON object a line, requests on the worker's stdin, answers on its
//! stdout.

use scene3d_pipeline::PartTask;
use serde::{Deserialize, Serialize};

use crate::jobs::executor::{Ending, ExecutorEvent, JobRequest};
use crate::jobs::failure::JobFailure;

/// What a worker is told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ToWorker {
    /// Work on a job; one at a time.
    Run(Box<JobRequest>),
    /// Stop working on the job of this id.
    Cancel(String),
}

/// What a worker tells.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FromWorker {
    /// Id of the job.
    pub job: String,
    /// What of it.
    pub told: Told,
}

/// What a worker tells of a job.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Told {
    /// Something happened.
    Event(ExecutorEvent),
    /// Parts of it are to be done elsewhere; the job waits for [`Answer`]s.
    Parts(Vec<PartJob>),
    /// The last word.
    Ended {
        /// How.
        ending: Ending,
        /// Whether this worker is not to be given another job: a plugin of it is disabled, or its state is in doubt.
        retires: bool,
    },
}

/// A part of a job as a worker is handed it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PartJob {
    /// The job with the images of the part alone, in their order.
    pub job: JobRequest,
    /// What is done with them.
    pub task: PartTask,
}

/// What a job is told that waits for parts of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    /// So many items of all parts are done.
    Progress(usize),
    /// All parts are done.
    Done,
    /// One failed, and nobody works on the others any more.
    Failed(JobFailure),
}

/// How work on a part ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PartEnding {
    /// What it found is in the object store.
    Done,
    /// It failed.
    Failed(JobFailure),
    /// It was asked to stop, and did.
    Cancelled,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_and_answers_are_one_line_each() {
        let cancel = serde_json::to_string(&ToWorker::Cancel("job_1".to_owned())).unwrap();
        assert_eq!(cancel, r#"{"cancel":"job_1"}"#);
        let warning = ExecutorEvent::Warning { message: "two\nlines".to_owned() };
        let told = FromWorker { job: "job_1".to_owned(), told: Told::Event(warning) };
        let line = serde_json::to_string(&told).unwrap();
        assert!(!line.contains('\n'), "{line}");
        assert_eq!(serde_json::from_str::<FromWorker>(&line).unwrap(), told);
    }
}
