//! A file of records, one JSON object a line: written by one process, read by any.

use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use uuid::Uuid;

use super::record::Record;

const HEAD: &str = "records-";
const TAIL: &str = ".jsonl";

/// A file that this process writes. It is locked until it is dropped, which tells others that its writer lives.
#[derive(Debug)]
pub struct RecordFile {
    file: File,
    whole_bytes: u64,
}

/// A line of a file of records.
#[derive(Debug, PartialEq)]
pub struct Line {
    /// What it says; `None` where it is no record, e.g. one that a full disk cut off.
    pub record: Option<Record>,
    /// Offset of what comes behind it.
    pub end: u64,
}

impl RecordFile {
    /// A new one; its name sorts behind those that were there before.
    pub fn create(folder: &Path) -> io::Result<Self> {
        let path = folder.join(format!("{HEAD}{}{TAIL}", Uuid::now_v7().simple()));
        let file = File::options().create_new(true).append(true).open(path)?;
        file.lock()?;
        Ok(Self { file, whole_bytes: 0 })
    }

    /// Appends records in one write; all or none of them.
    pub fn append(&mut self, records: &[Record]) -> io::Result<()> {
        let mut lines = Vec::with_capacity(160 * records.len());
        for record in records {
            serde_json::to_writer(&mut lines, record)?;
            lines.push(b'\n');
        }
        match self.file.write_all(&lines) {
            Ok(()) => {
                self.whole_bytes += lines.len() as u64;
                Ok(())
            }
            Err(error) => {
                // what a full disk took of it would run into the next record
                self.file.set_len(self.whole_bytes)?;
                Err(error)
            }
        }
    }
}

/// Files of records of a folder, in the order in which they were begun.
pub fn record_files(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name();
        if name.to_str().is_some_and(|name| name.starts_with(HEAD) && name.ends_with(TAIL)) {
            files.push(entry.path());
        }
    }
    files.sort();
    Ok(files)
}

/// At most so many whole lines from an offset on. A last line without its end is still being written, or never will be.
pub fn read_lines(file: &Path, offset: u64, max_lines: usize) -> io::Result<Vec<Line>> {
    let mut file = File::open(file)?;
    file.seek(SeekFrom::Start(offset))?;
    let mut reader = BufReader::with_capacity(1 << 16, file);
    let (mut lines, mut end, mut bytes) = (Vec::new(), offset, Vec::new());
    while lines.len() < max_lines {
        bytes.clear();
        end += reader.read_until(b'\n', &mut bytes)? as u64;
        if !bytes.ends_with(b"\n") {
            break;
        }
        lines.push(Line { record: serde_json::from_slice(&bytes).ok(), end });
    }
    Ok(lines)
}

/// Whole lines from an offset on, and the offset behind them.
pub fn count_lines(file: &Path, offset: u64) -> io::Result<(u64, u64)> {
    let mut file = File::open(file)?;
    if file.metadata()?.len() <= offset {
        return Ok((0, offset));
    }
    file.seek(SeekFrom::Start(offset))?;
    let mut reader = BufReader::with_capacity(1 << 16, file);
    let (mut num_lines, mut end, mut bytes) = (0, offset, Vec::new());
    loop {
        bytes.clear();
        let num_bytes = reader.read_until(b'\n', &mut bytes)? as u64;
        if !bytes.ends_with(b"\n") {
            return Ok((num_lines, end));
        }
        (num_lines, end) = (num_lines + 1, end + num_bytes);
    }
}

/// Every record of a folder, file by file.
pub fn read_all(folder: &Path) -> io::Result<Vec<Record>> {
    let mut records = Vec::new();
    for file in record_files(folder)? {
        records.extend(read_lines(&file, 0, usize::MAX)?.into_iter().filter_map(|line| line.record));
    }
    Ok(records)
}

/// Whether the process that wrote it is gone, or has let go of it.
pub fn has_no_writer(file: &Path) -> io::Result<bool> {
    match File::open(file)?.try_lock_shared() {
        Ok(()) => Ok(true),
        Err(fs::TryLockError::WouldBlock) => Ok(false),
        Err(fs::TryLockError::Error(error)) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::super::record::What;
    use super::*;

    fn tag(value: &str) -> Record {
        Record { time_ms: 1, what: What::Tag { key: "k".to_owned(), value: value.to_owned() } }
    }

    #[test]
    fn records_are_read_from_where_the_last_reader_stopped() {
        let folder = tempfile::tempdir().unwrap();
        let mut file = RecordFile::create(folder.path()).unwrap();
        file.append(&[tag("a"), tag("b")]).unwrap();
        file.append(&[tag("c")]).unwrap();
        let [path] = record_files(folder.path()).unwrap().try_into().unwrap();
        let first = read_lines(&path, 0, 2).unwrap();
        let values = |lines: &[Line]| lines.iter().map(|line| line.record.clone().unwrap()).collect::<Vec<_>>();
        assert_eq!(values(&first), [tag("a"), tag("b")]);
        let rest = read_lines(&path, first[1].end, 2).unwrap();
        assert_eq!(values(&rest), [tag("c")]);
        assert_eq!(rest[0].end, fs::metadata(&path).unwrap().len());
        assert!(read_lines(&path, rest[0].end, 2).unwrap().is_empty());
    }

    #[test]
    fn a_torn_last_line_is_not_read_and_a_broken_one_is_passed_over() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("records-0.jsonl");
        let whole = serde_json::to_string(&tag("a")).unwrap();
        fs::write(&path, format!("{whole}\n{{\"time_ms\":1,\"ki\n{whole}\n{}", &whole[..20])).unwrap();
        let lines = read_lines(&path, 0, usize::MAX).unwrap();
        let records: Vec<_> = lines.iter().map(|line| line.record.clone()).collect();
        assert_eq!(records, [Some(tag("a")), None, Some(tag("a"))]);
        assert_eq!(lines[2].end, fs::metadata(&path).unwrap().len() - 20);
    }

    #[test]
    fn files_of_several_writers_come_in_the_order_they_were_begun() {
        let folder = tempfile::tempdir().unwrap();
        let mut files: Vec<_> = (0..3).map(|_| RecordFile::create(folder.path()).unwrap()).collect();
        for (index, file) in files.iter_mut().enumerate().rev() {
            file.append(&[tag(&index.to_string())]).unwrap();
        }
        fs::write(folder.path().join("cursor.json"), "{}").unwrap();
        assert_eq!(read_all(folder.path()).unwrap(), [tag("0"), tag("1"), tag("2")]);
    }

    #[test]
    fn a_file_tells_whether_its_writer_lives() {
        let folder = tempfile::tempdir().unwrap();
        let file = RecordFile::create(folder.path()).unwrap();
        let [path] = record_files(folder.path()).unwrap().try_into().unwrap();
        assert!(!has_no_writer(&path).unwrap());
        drop(file);
        assert!(has_no_writer(&path).unwrap());
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_full_disk_leaves_no_part_of_a_record() {
        let full = File::options().append(true).open("/dev/full").unwrap();
        let mut file = RecordFile { file: full, whole_bytes: 0 };
        assert!(file.append(&[tag("a")]).is_err());
        assert_eq!(file.whole_bytes, 0);
    }
}
