//! The files that a run wrote, put into the object store.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use scene3d_pipeline::Cancel;
use serde::Deserialize;
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::Voice;
use crate::blobs::Blobs;
use crate::error::{Result, ServiceError};
use crate::jobs::executor::{ExecutorEvent, JobRequest};
use crate::store::artifacts::Artifact;

/// What a run writes beside the model's files, whether there is a model or not.
const ALWAYS: [&str; 4] = ["report.json", "report.html", "run.toml", "logs/events.jsonl"];

/// The parts of `report.json` that a job tells.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Results {
    /// Figures of the model.
    #[serde(default)]
    pub statistics: Value,
    /// Verdict of each image.
    #[serde(default)]
    pub images: Value,
    #[serde(default)]
    outputs: Vec<Output>,
    #[serde(default)]
    transfers: Vec<Transfer>,
}

#[derive(Debug, Deserialize)]
struct Output {
    path: String,
}

#[derive(Debug, Deserialize)]
struct Transfer {
    direction: String,
    num_copies: u64,
    num_bytes: u64,
}

impl Results {
    /// Those of a run that came as far as a report; else none.
    pub(super) fn read(work_folder: &Path) -> Self {
        let text = std::fs::read(work_folder.join("report.json")).unwrap_or_default();
        serde_json::from_slice(&text).unwrap_or_default()
    }

    /// Copies between the device and host memory, by direction.
    pub(super) fn transferred(&self) -> Vec<ExecutorEvent> {
        let directions = [("to host", "to_host"), ("to device", "to_device")];
        let sum = |(of_report, direction): (&str, &str)| {
            let these = || self.transfers.iter().filter(|transfer| transfer.direction == of_report);
            ExecutorEvent::Transferred {
                direction: direction.to_owned(),
                num_copies: these().map(|transfer| transfer.num_copies).sum(),
                num_bytes: these().map(|transfer| transfer.num_bytes).sum(),
            }
        };
        let moves = |event: &ExecutorEvent| matches!(event, ExecutorEvent::Transferred { num_copies: 1.., .. });
        directions.into_iter().map(sum).filter(moves).collect()
    }

    /// Puts every file there is into the store and tells of each; stops early when the job is cancelled.
    pub(super) async fn put(&self, blobs: &Blobs, request: &JobRequest, voice: &Voice, cancel: &Cancel) -> Result<()> {
        let names = self.outputs.iter().map(|output| output.path.as_str()).chain(ALWAYS);
        for name in names {
            let path = request.work_folder.join(name);
            if cancel.is_cancelled() {
                return Ok(());
            }
            if path.is_file() {
                let artifact = put(blobs, &request.job_id, name, &path).await?;
                voice.event(&request.job_id, ExecutorEvent::Artifact(artifact));
            }
        }
        Ok(())
    }
}

async fn put(blobs: &Blobs, job_id: &str, name: &str, path: &Path) -> Result<Artifact> {
    let (sha256, num_bytes) = hash(path).map_err(ServiceError::io("read", path))?;
    let object_key = format!("artifacts/{job_id}/{sha256}");
    blobs.put_file(&object_key, path).await?;
    let media_type = media_type(name).to_owned();
    let bytes = i64::try_from(num_bytes).unwrap_or(i64::MAX);
    Ok(Artifact { name: name.to_owned(), bytes, sha256, media_type, object_key })
}

fn hash(path: &Path) -> io::Result<(String, u64)> {
    let mut file = File::open(path)?;
    let (mut hasher, mut num_bytes, mut chunk) = (Sha256::new(), 0, vec![0; 1 << 18]);
    loop {
        match file.read(&mut chunk)? {
            0 => break,
            len => {
                hasher.update(&chunk[..len]);
                num_bytes += len as u64;
            }
        }
    }
    Ok((hasher.finalize().iter().map(|byte| format!("{byte:02x}")).collect(), num_bytes))
}

fn media_type(name: &str) -> &'static str {
    match name.rsplit_once('.').map_or("", |(_, ending)| ending) {
        "glb" => "model/gltf-binary",
        "html" => "text/html; charset=utf-8",
        "json" => "application/json",
        "jsonl" => "application/x-ndjson",
        "toml" => "application/toml",
        "txt" => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn copies_are_summed_by_direction_and_only_those_there_were() {
        let copies = r#"{"transfers": [
            {"stage": "extract", "direction": "to host", "what": "scores", "num_copies": 2, "num_bytes": 10},
            {"stage": "match", "direction": "to host", "what": "matches", "num_copies": 3, "num_bytes": 5}]}"#;
        let results: Results = serde_json::from_str(copies).unwrap();
        let expected = ExecutorEvent::Transferred { direction: "to_host".to_owned(), num_copies: 5, num_bytes: 15 };
        assert_eq!(results.transferred(), [expected]);
    }
}
