//! Records that a server did not take, kept beside the others with its reason.

use std::fs::File;
use std::io::{self, Write};
use std::path::Path;

use serde::Serialize;

use super::record::Record;

const FILE: &str = "refused.jsonl";

#[derive(Serialize)]
struct Refused<'a> {
    record: &'a Record,
    code: &'a str,
    message: &'a str,
}

/// Notes a record that the server did not take.
pub fn note_refused(folder: &Path, record: &Record, code: &str, message: &str) -> io::Result<()> {
    let mut line = serde_json::to_vec(&Refused { record, code, message })?;
    line.push(b'\n');
    File::options().create(true).append(true).open(folder.join(FILE))?.write_all(&line)
}
