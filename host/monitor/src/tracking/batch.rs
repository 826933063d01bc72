//! Records as the server takes them: figures, parameters and tags in batches within its limits, everything else alone, all in
//! their order.

use super::record::{Record, What};
use super::record_file::Line;

/// Limits of one request: `MAX_*_PER_BATCH` of MLflow's `validation.py`, and 1 MB of JSON.
const MAX_METRICS: usize = 1000;
const MAX_PARAMS: usize = 100;
const MAX_TAGS: usize = 100;
const MAX_RECORDS: usize = 1000;
const MAX_BYTES: usize = 900_000;

/// JSON around a key and a value.
const BYTES_AROUND: usize = 100;

/// What one request, or a few for one record, say.
#[derive(Debug, PartialEq)]
pub struct Step {
    /// Metrics, parameters and tags; or one record of another kind; or nothing, of lines that are no records.
    pub records: Vec<Record>,
    /// Lines that it is made of.
    pub num_lines: u64,
    /// Offset behind them.
    pub end: u64,
}

#[derive(Default)]
struct Size {
    num_metrics: usize,
    num_params: usize,
    num_tags: usize,
    num_bytes: usize,
}

/// Lines of one file as steps.
pub fn steps(lines: Vec<Line>) -> Vec<Step> {
    let mut steps: Vec<Step> = Vec::new();
    let mut size = Size::default();
    for Line { record, end } in lines {
        match steps.last_mut().filter(|step| size.takes(step, record.as_ref())) {
            Some(step) => {
                step.end = end;
                step.num_lines += 1;
            }
            None => {
                size = Size::default();
                steps.push(Step { records: Vec::new(), num_lines: 1, end });
            }
        }
        if let (Some(record), Some(step)) = (record, steps.last_mut()) {
            size.add(&record);
            step.records.push(record);
        }
    }
    steps
}

/// Whether it goes into batches.
pub fn is_of_batch(record: &Record) -> bool {
    matches!(record.what, What::Metric { .. } | What::Param { .. } | What::Tag { .. })
}

impl Size {
    fn takes(&self, step: &Step, record: Option<&Record>) -> bool {
        let Some(record) = record else { return true };
        let has_room = self.num_metrics < MAX_METRICS
            && self.num_params < MAX_PARAMS
            && self.num_tags < MAX_TAGS
            && step.records.len() < MAX_RECORDS
            && self.num_bytes + num_bytes(record) <= MAX_BYTES;
        // MLflow refuses a batch that names a parameter twice
        let is_repeated = |key: &String| {
            step.records.iter().any(|known| matches!(&known.what, What::Param { key: known, .. } if known == key))
        };
        let repeats = matches!(&record.what, What::Param { key, .. } if is_repeated(key));
        step.records.is_empty() || (has_room && !repeats && is_of_batch(record) && step.records.iter().all(is_of_batch))
    }

    fn add(&mut self, record: &Record) {
        match record.what {
            What::Metric { .. } => self.num_metrics += 1,
            What::Param { .. } => self.num_params += 1,
            What::Tag { .. } => self.num_tags += 1,
            _ => {}
        }
        self.num_bytes += num_bytes(record);
    }
}

/// At most; what JSON escapes takes up to six bytes.
fn num_bytes(record: &Record) -> usize {
    BYTES_AROUND
        + match &record.what {
            What::Metric { key, .. } => key.len(),
            What::Param { key, value } | What::Tag { key, value } => key.len() + 6 * value.len(),
            _ => 0,
        }
}

#[cfg(test)]
mod tests {
    use super::super::record::RunStatus;
    use super::super::value::MetricValue;
    use super::*;

    fn metric(step: i64) -> What {
        What::Metric { key: "m".to_owned(), value: MetricValue(1.0), step }
    }

    fn param(key: &str, value: &str) -> What {
        What::Param { key: key.to_owned(), value: value.to_owned() }
    }

    fn ended() -> What {
        What::RunEnded { status: RunStatus::Finished }
    }

    fn lines(whats: impl IntoIterator<Item = Option<What>>) -> Vec<Line> {
        let line = |(index, what): (usize, Option<What>)| Line {
            record: what.map(|what| Record { time_ms: 0, what }),
            end: index as u64 + 1,
        };
        whats.into_iter().enumerate().map(line).collect()
    }

    fn sizes(whats: impl IntoIterator<Item = Option<What>>) -> Vec<usize> {
        steps(lines(whats)).iter().map(|step| step.records.len()).collect()
    }

    #[test]
    fn a_batch_holds_as_many_as_the_server_takes() {
        assert_eq!(sizes((0..2500).map(|step| Some(metric(step)))), [1000, 1000, 500]);
        assert_eq!(sizes((0..250).map(|index| Some(param(&index.to_string(), "")))), [100, 100, 50]);
        let tag = |index: i32| What::Tag { key: index.to_string(), value: String::new() };
        assert_eq!(sizes((0..101).map(|index| Some(tag(index)))), [100, 1]);
        let long = "x".repeat(6000);
        assert!(sizes((0..100).map(|index| Some(param(&index.to_string(), &long)))).iter().all(|size| *size <= 25));
    }

    #[test]
    fn records_of_other_kinds_stand_alone_and_in_their_place() {
        let whats = [metric(0), metric(1), ended(), metric(2), ended()].map(Some);
        assert_eq!(sizes(whats), [2, 1, 1, 1]);
    }

    #[test]
    fn a_parameter_named_twice_begins_a_batch() {
        assert_eq!(sizes([param("a", "1"), param("b", "1"), param("a", "2")].map(Some)), [2, 1]);
    }

    #[test]
    fn lines_that_are_no_records_are_passed_with_those_around_them() {
        let steps = steps(lines([None, Some(metric(0)), None, Some(ended()), None]));
        let shape: Vec<_> = steps.iter().map(|step| (step.records.len(), step.num_lines, step.end)).collect();
        assert_eq!(shape, [(1, 3, 3), (1, 2, 5)]);
    }
}
