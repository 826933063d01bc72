//! A job's events as a client follows them: over connections that break, each time from behind the last event it has.

use std::io::{BufRead, BufReader};

use reqwest::Method;
use reqwest::blocking::Response;
use serde_json::Value;

use crate::client::Client;

/// Connections until somebody gives up.
const MAX_CONNECTIONS: usize = 100;

/// An event of a stream.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    /// Its id.
    pub seq: u64,
    /// E.g. `stage_finished`.
    pub kind: String,
    /// Its data.
    pub body: Value,
}

/// Everything that is told of a job until it ended, as it came: what is missing or comes twice shows.
///
/// # Panics
/// If the stream is refused, or does not end.
#[must_use]
pub fn follow(client: &Client, job_id: &str) -> Vec<Event> {
    let mut events: Vec<Event> = Vec::new();
    for _ in 0..MAX_CONNECTIONS {
        let request = client.request(Method::GET, &format!("/api/v1/jobs/{job_id}/events"));
        let request = match events.last() {
            Some(last) => request.header("last-event-id", last.seq.to_string()),
            None => request,
        };
        let Ok(answer) = request.send() else { continue };
        match answer.status().as_u16() {
            200 => read(answer, &mut events),
            204 => return events,
            other => unreachable!("events are answered {other}: {:?}", answer.text()),
        }
    }
    unreachable!("{job_id} does not end: {:#?}", events.last())
}

/// Items of a stage, and how many of them were done before; `None` if it did not finish.
#[must_use]
pub fn items_and_reused(events: &[Event], stage: &str) -> Option<[u64; 2]> {
    let finished = |event: &&Event| event.kind == "stage_finished" && event.body["stage"] == stage;
    let body = &events.iter().find(finished)?.body;
    Some([body["items"].as_u64()?, body["reused"].as_u64()?])
}

/// Events up to the end of a stream; of one that breaks off only those that are whole.
fn read(answer: Response, events: &mut Vec<Event>) {
    let mut event = Event { seq: 0, kind: String::new(), body: Value::Null };
    for line in BufReader::new(answer).lines().map_while(Result::ok) {
        match line.split_once(": ") {
            Some(("id", seq)) => event.seq = seq.parse().unwrap_or_default(),
            Some(("event", kind)) => kind.clone_into(&mut event.kind),
            Some(("data", data)) => event.body = serde_json::from_str(data).unwrap_or_default(),
            // an empty line ends an event, and a comment
            _ if line.is_empty() && event.seq > 0 => {
                events.push(std::mem::replace(&mut event, Event { seq: 0, kind: String::new(), body: Value::Null }));
            }
            _ => {}
        }
    }
}
