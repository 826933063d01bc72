//! The central directory of a ZIP, read strictly: one end, nothing before the first file, no entry that is not plain.

use std::fs::File;
use std::io::{self, BufReader, Read, Seek, SeekFrom};

use super::bytes::{Record, widen};
use super::cp437;
use crate::uploads::refusal::{Refusal, RefusalCode};

const END: u32 = 0x0605_4b50;
const END64: u32 = 0x0606_4b50;
const END64_LOCATOR: u32 = 0x0706_4b50;
const ENTRY: u32 = 0x0201_4b50;
const END_BYTES: u64 = 22;
const END64_BYTES: u64 = 56;
const LOCATOR_BYTES: u64 = 20;
const ENTRY_BYTES: usize = 46;
const MAX_COMMENT_BYTES: u64 = 0xffff;

/// One entry as the central directory tells of it (APPNOTE 4.3.12).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Entry {
    /// With `/` at its end if it is a folder.
    pub name: String,
    pub raw_name: Vec<u8>,
    pub flags: u16,
    pub method: u16,
    pub crc32: u32,
    pub packed_bytes: u64,
    pub unpacked_bytes: u64,
    /// Upper half: the mode on Unix; lower half: attributes of DOS.
    pub attributes: u32,
    pub header_at: u64,
}

/// Where the directory is and how many entries it promises.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Extent {
    pub start: u64,
    pub end: u64,
    pub num_entries: u64,
}

/// A failure of the disk, or of the archive.
#[derive(Debug, thiserror::Error)]
pub(super) enum ReadError {
    #[error(transparent)]
    Io(#[from] io::Error),
    #[error(transparent)]
    Refused(#[from] Refusal),
}

pub(super) fn damaged(what: &str) -> Refusal {
    Refusal::new(RefusalCode::ArchiveDamaged, format!("the ZIP can't be read: {what}"))
}

/// Finds the directory.
pub(super) fn locate(file: &mut File) -> Result<Extent, ReadError> {
    let size = file.seek(SeekFrom::End(0))?;
    let tail_bytes = size.min(END_BYTES + MAX_COMMENT_BYTES);
    let tail = read_at(file, size - tail_bytes, tail_bytes)?;
    let end_at = size - tail_bytes + only_end(&tail)? as u64;
    let end = read_at(file, end_at, END_BYTES)?;
    let end = Record(&end);
    let narrow = [u32::from(end.u16(10)), end.u32(12), end.u32(16)];
    let (extent, directory_end) = match read_end64(file, end_at)? {
        Some((wide, at)) if agrees(narrow, wide) => (wide, at),
        Some(_) => return Err(damaged("its two ends of directory disagree").into()),
        None if [end.u16(4), end.u16(6)] != [0, 0] || end.u16(8) != end.u16(10) => return Err(split().into()),
        None => (narrow.map(u64::from), end_at),
    };
    let [num_entries, directory_bytes, start] = extent;
    if start.checked_add(directory_bytes) != Some(directory_end) {
        return Err(damaged("its directory is not where its end says; is it cut off?").into());
    }
    Ok(Extent { start, end: directory_end, num_entries })
}

/// Reads the entries of a directory that was found.
pub(super) fn read(file: &mut File, extent: Extent) -> Result<Vec<Entry>, ReadError> {
    file.seek(SeekFrom::Start(extent.start))?;
    let mut reader = BufReader::new((&mut *file).take(extent.end - extent.start));
    let mut entries = Vec::new();
    for _ in 0..extent.num_entries {
        entries.push(read_entry(&mut reader)?);
    }
    match reader.read(&mut [0])? {
        0 => Ok(entries),
        _ => Err(damaged("its directory has more entries than its end says").into()),
    }
}

/// Position of the one end of directory: an end whose comment fills the rest of the file.
fn only_end(tail: &[u8]) -> Result<usize, Refusal> {
    let last = tail.len().checked_sub(END_BYTES as usize).ok_or_else(|| damaged("it has no end of directory"))?;
    let fits = |&at: &usize| {
        let record = Record(&tail[at..]);
        record.u32(0) == END && at + END_BYTES as usize + usize::from(record.u16(20)) == tail.len()
    };
    let mut ends = (0..=last).filter(fits);
    match (ends.next(), ends.next()) {
        (Some(end), None) => Ok(end),
        (None, _) => Err(damaged("it has no end of directory; is it cut off?")),
        (Some(_), Some(_)) => Err(damaged("it has two ends of directory")),
    }
}

/// `[entries, bytes, start]` of the 64-bit end (sections 4.3.14 and 4.3.15), and where it is.
fn read_end64(file: &mut File, end_at: u64) -> Result<Option<([u64; 3], u64)>, ReadError> {
    let Some(locator_at) = end_at.checked_sub(LOCATOR_BYTES) else { return Ok(None) };
    let locator = read_at(file, locator_at, LOCATOR_BYTES)?;
    let locator = Record(&locator);
    if locator.u32(0) != END64_LOCATOR {
        return Ok(None);
    }
    let at = locator.u64(8);
    if at.checked_add(END64_BYTES) != Some(locator_at) || locator.u32(4) != 0 || locator.u32(16) > 1 {
        return Err(damaged("its 64-bit end of directory is not where it should be").into());
    }
    let end = read_at(file, at, END64_BYTES)?;
    let end = Record(&end);
    if end.u32(0) != END64 || end.u64(4) != END64_BYTES - 12 {
        return Err(damaged("its 64-bit end of directory is none").into());
    }
    if [end.u32(16), end.u32(20)] != [0, 0] || end.u64(24) != end.u64(32) {
        return Err(split().into());
    }
    Ok(Some(([end.u64(32), end.u64(40), end.u64(48)], at)))
}

/// A narrow field either says the same or that the wide one is to be read.
fn agrees(narrow: [u32; 3], wide: [u64; 3]) -> bool {
    let escape = [u32::from(u16::MAX), u32::MAX, u32::MAX];
    (0..3).all(|field| narrow[field] == escape[field] || u64::from(narrow[field]) == wide[field])
}

fn split() -> Refusal {
    damaged("it is one part of several")
}

fn read_entry(reader: &mut impl Read) -> Result<Entry, ReadError> {
    let mut fixed = [0; ENTRY_BYTES];
    fill(reader, &mut fixed)?;
    let record = Record(&fixed);
    if record.u32(0) != ENTRY {
        return Err(damaged("its directory has fewer entries than its end says").into());
    }
    let mut variable = [28, 30, 32].map(|at| vec![0; usize::from(record.u16(at))]);
    for bytes in &mut variable {
        fill(reader, bytes)?;
    }
    let [raw_name, extra, _comment] = variable;
    let flags = record.u16(8);
    let name = name_of(&raw_name, flags)?;
    let inconsistent =
        || Refusal::of_entry(RefusalCode::ArchiveInconsistent, &name, "has 64-bit sizes that are not there");
    let [unpacked_bytes, packed_bytes, header_at] =
        widen([record.u32(24), record.u32(20), record.u32(42)], &extra).ok_or_else(inconsistent)?;
    let (method, crc32, attributes) = (record.u16(10), record.u32(16), record.u32(38));
    Ok(Entry { name, raw_name, flags, method, crc32, packed_bytes, unpacked_bytes, attributes, header_at })
}

/// Names are UTF-8 with flag 11 (section 4.4.4); without it many programs write it too, the others mean code page 437.
fn name_of(raw: &[u8], flags: u16) -> Result<String, Refusal> {
    match std::str::from_utf8(raw) {
        Ok(name) => Ok(name.to_owned()),
        Err(_) if flags & super::FLAG_UTF8 == 0 => Ok(cp437::decode(raw)),
        Err(_) => {
            let shown = String::from_utf8_lossy(raw);
            Err(Refusal::of_entry(RefusalCode::UnsafeName, &shown, "is not UTF-8, though the ZIP says so"))
        }
    }
}

fn fill(reader: &mut impl Read, bytes: &mut [u8]) -> Result<(), ReadError> {
    reader.read_exact(bytes).map_err(|error| match error.kind() {
        io::ErrorKind::UnexpectedEof => damaged("its directory is cut off").into(),
        _ => error.into(),
    })
}

/// Reads bytes that may turn out not to be there.
pub(super) fn read_at(file: &mut File, at: u64, num_bytes: u64) -> Result<Vec<u8>, ReadError> {
    file.seek(SeekFrom::Start(at))?;
    let mut bytes = Vec::new();
    file.take(num_bytes).read_to_end(&mut bytes)?;
    if bytes.len() as u64 == num_bytes { Ok(bytes) } else { Err(damaged("it is cut off").into()) }
}
