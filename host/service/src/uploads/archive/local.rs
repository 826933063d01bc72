//! Local headers of a ZIP: they must tell what the directory tells, and the bytes of two files must not overlap.

use std::fs::File;

use super::bytes::{Record, widen};
use super::directory::{Entry, ReadError, read_at};
use crate::uploads::refusal::{Refusal, RefusalCode};

const LOCAL: u32 = 0x0403_4b50;
const LOCAL_BYTES: u64 = 30;
/// Sizes and checksum follow the file's bytes (APPNOTE 4.4.4, bit 3).
const FLAG_DESCRIPTOR: u16 = 1 << 3;

/// Where the packed bytes of each entry begin, in the order of the entries.
pub(super) fn check_headers(file: &mut File, entries: &[Entry], directory_at: u64) -> Result<Vec<u64>, ReadError> {
    let starts = entries.iter().map(|entry| check_header(file, entry)).collect::<Result<Vec<u64>, _>>()?;
    check_overlap(entries, &starts, directory_at)?;
    Ok(starts)
}

fn check_header(file: &mut File, entry: &Entry) -> Result<u64, ReadError> {
    let differs = |what: &str| {
        let what = format!("has another {what} in its own header than in the ZIP's directory");
        Refusal::of_entry(RefusalCode::ArchiveInconsistent, &entry.name, what)
    };
    let header = read_at(file, entry.header_at, LOCAL_BYTES)?;
    let header = Record(&header);
    if header.u32(0) != LOCAL {
        return Err(differs("place").into());
    }
    let (name_bytes, extra_bytes) = (u64::from(header.u16(26)), u64::from(header.u16(28)));
    let variable = read_at(file, entry.header_at + LOCAL_BYTES, name_bytes + extra_bytes)?;
    let (name, extra) = variable.split_at(name_bytes as usize);
    if name != entry.raw_name {
        return Err(differs("name").into());
    }
    if header.u16(8) != entry.method {
        return Err(differs("method").into());
    }
    if header.u16(6) != entry.flags {
        return Err(differs("set of flags").into());
    }
    let narrow = [header.u32(22), header.u32(18)];
    let sizes = widen(narrow, extra).ok_or_else(|| differs("size"))?;
    let deferred = entry.flags & FLAG_DESCRIPTOR != 0;
    let as_in_directory = sizes == [entry.unpacked_bytes, entry.packed_bytes];
    if !(as_in_directory || deferred && sizes == [0, 0]) {
        return Err(differs("size").into());
    }
    if header.u32(14) != entry.crc32 && !(deferred && header.u32(14) == 0) {
        return Err(differs("checksum").into());
    }
    Ok(entry.header_at + LOCAL_BYTES + name_bytes + extra_bytes)
}

/// Files that share bytes make a small ZIP unpack to any size (Fifield, "A better zip bomb", WOOT 2019).
fn check_overlap(entries: &[Entry], starts: &[u64], directory_at: u64) -> Result<(), Refusal> {
    let mut extents: Vec<(u64, u64, &Entry)> = entries
        .iter()
        .zip(starts)
        .map(|(entry, start)| (entry.header_at, start.saturating_add(entry.packed_bytes), entry))
        .collect();
    extents.sort_by_key(|&(header_at, _, _)| header_at);
    let nexts = extents.iter().skip(1).map(|&(header_at, _, _)| header_at).chain([directory_at]);
    match extents.iter().zip(nexts).find(|((_, end, _), next)| end > next) {
        Some(((_, _, entry), _)) => Err(Refusal::of_entry(
            RefusalCode::ArchiveOverlap,
            &entry.name,
            "shares bytes of the ZIP with what follows it",
        )),
        None => Ok(()),
    }
}
