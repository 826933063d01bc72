//! Reads the zip archives that `torch.save` writes: stored members only, none longer than the file, none over another.
//!
//! Layout after APPNOTE.TXT 6.3.9 (4.3.7 local header, 4.3.12 directory, 4.3.14 zip64 end, 4.3.16 end). A file that two
//! readers could understand differently is refused.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;

/// A directory of 65,536 storages takes some 5 MiB.
const MAX_DIRECTORY_BYTES: u64 = 16 << 20;

const LOCAL_HEADER: &[u8; 4] = b"PK\x03\x04";
const DIRECTORY_HEADER: &[u8; 4] = b"PK\x01\x02";
const END: &[u8; 4] = b"PK\x05\x06";
const ZIP64_LOCATOR: &[u8; 4] = b"PK\x06\x07";
const ZIP64_END: &[u8; 4] = b"PK\x06\x06";

const LOCAL_HEADER_BYTES: u64 = 30;
const DIRECTORY_HEADER_BYTES: usize = 46;
const END_BYTES: usize = 22;
const ZIP64_LOCATOR_BYTES: usize = 20;
const ZIP64_END_BYTES: usize = 56;
const MAX_COMMENT_BYTES: usize = 0xffff;
/// Stands for a number that is in the zip64 extra field.
const IN_ZIP64: u64 = 0xffff_ffff;
const ZIP64_EXTRA: u16 = 1;
const ENCRYPTED: u16 = 1;

type Result<T> = std::result::Result<T, String>;

/// An open archive.
pub(crate) struct Archive {
    file: File,
    size_bytes: u64,
    members: BTreeMap<String, Member>,
}

#[derive(Debug, Clone, Copy)]
struct Member {
    method: u16,
    is_encrypted: bool,
    crc32: u32,
    size_bytes: u64,
    stored_bytes: u64,
    header_at: u64,
    /// Where the next member or the directory begins.
    end_at: u64,
}

impl Archive {
    pub(crate) fn open(path: &Path) -> Result<Self> {
        let mut file = File::open(path).map_err(|error| error.to_string())?;
        let size_bytes = file.seek(SeekFrom::End(0)).map_err(|error| error.to_string())?;
        let directory = Directory::find(&mut file, size_bytes)?;
        let bytes = read_at(&mut file, directory.at, directory.size_bytes)?;
        let mut members = parse_directory(&bytes, directory.num_members)?;
        bound_members(&mut members, directory.at)?;
        Ok(Self { file, size_bytes, members })
    }

    /// Names of all members, sorted.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.members.keys().map(String::as_str)
    }

    /// Size of the whole file.
    pub(crate) fn size_bytes(&self) -> u64 {
        self.size_bytes
    }

    /// Size of a member, which lies within the file.
    pub(crate) fn member_bytes(&self, name: &str) -> Result<u64> {
        self.member(name).map(|member| member.size_bytes)
    }

    /// A member's bytes, checked against their crc32.
    pub(crate) fn read(&mut self, name: &str) -> Result<Vec<u8>> {
        let member = self.member(name)?;
        let header = read_at(&mut self.file, member.header_at, LOCAL_HEADER_BYTES)?;
        if !header.starts_with(LOCAL_HEADER) {
            return Err(format!("member `{name}` does not begin where the zip directory says"));
        }
        let name_bytes = read_at(&mut self.file, member.header_at + LOCAL_HEADER_BYTES, u16_at(&header, 26).into())?;
        if name_bytes != name.as_bytes() {
            return Err(format!("member `{name}` has another name in its own header"));
        }
        let skipped_bytes = LOCAL_HEADER_BYTES + name_bytes.len() as u64 + u64::from(u16_at(&header, 28));
        let at = member.header_at + skipped_bytes;
        if at.checked_add(member.size_bytes).is_none_or(|end| end > member.end_at) {
            return Err(format!("member `{name}` overlaps what follows it in the zip archive"));
        }
        let bytes = read_at(&mut self.file, at, member.size_bytes)?;
        let crc32 = crc32fast::hash(&bytes);
        if crc32 != member.crc32 {
            let expected = member.crc32;
            return Err(format!("member `{name}` is damaged: expected crc32 {expected:08x}, got {crc32:08x}"));
        }
        Ok(bytes)
    }

    fn member(&self, name: &str) -> Result<Member> {
        let member = *self.members.get(name).ok_or_else(|| format!("the archive has no member `{name}`"))?;
        if member.is_encrypted {
            return Err(format!("member `{name}` is encrypted"));
        }
        if member.method != 0 || member.stored_bytes != member.size_bytes {
            return Err(format!("member `{name}` is compressed, expected it stored as torch.save does"));
        }
        Ok(member)
    }
}

/// Where the list of members lies.
struct Directory {
    at: u64,
    size_bytes: u64,
    num_members: u64,
}

impl Directory {
    fn find(file: &mut File, file_bytes: u64) -> Result<Self> {
        let tail_bytes = file_bytes.min((END_BYTES + MAX_COMMENT_BYTES + ZIP64_LOCATOR_BYTES) as u64);
        let tail = read_at(file, file_bytes - tail_bytes, tail_bytes)?;
        let end = end_record(&tail).ok_or("no zip archive as torch.save writes since torch 1.6, or cut short")?;
        let end_at = file_bytes - tail_bytes + end as u64;
        let record = &tail[end..];
        let short = Self {
            num_members: u16_at(record, 10).into(),
            size_bytes: u32_at(record, 12).into(),
            at: u32_at(record, 16).into(),
        };
        let locator = end.checked_sub(ZIP64_LOCATOR_BYTES).map(|at| &tail[at..end]);
        let (directory, end_at) = match locator.filter(|locator| locator.starts_with(ZIP64_LOCATOR)) {
            Some(locator) => Self::find_zip64(file, u64_at(locator, 8), end_at, &short)?,
            None => (short, end_at),
        };
        if directory.size_bytes > MAX_DIRECTORY_BYTES {
            return Err(format!(
                "the zip directory has {} bytes, more than {MAX_DIRECTORY_BYTES}",
                directory.size_bytes
            ));
        }
        if directory.at.checked_add(directory.size_bytes).is_none_or(|end| end > end_at) {
            return Err("the zip directory does not lie within the file".to_owned());
        }
        Ok(directory)
    }

    fn find_zip64(file: &mut File, at: u64, end_at: u64, short: &Self) -> Result<(Self, u64)> {
        let is_inside = at.checked_add(ZIP64_END_BYTES as u64).is_some_and(|end| end <= end_at);
        let record = if is_inside { read_at(file, at, ZIP64_END_BYTES as u64)? } else { Vec::new() };
        if !record.starts_with(ZIP64_END) {
            return Err("the zip64 directory is not where the archive says".to_owned());
        }
        let long = Self { num_members: u64_at(&record, 32), size_bytes: u64_at(&record, 40), at: u64_at(&record, 48) };
        let agree = |short: u64, long: u64, in_zip64: u64| short == in_zip64 || short == long;
        if !(agree(short.num_members, long.num_members, 0xffff)
            && agree(short.size_bytes, long.size_bytes, IN_ZIP64)
            && agree(short.at, long.at, IN_ZIP64))
        {
            return Err("the archive names two different zip directories".to_owned());
        }
        Ok((long, at))
    }
}

/// The last end record whose comment reaches the end of the file.
fn end_record(tail: &[u8]) -> Option<usize> {
    let last = tail.len().checked_sub(END_BYTES)?;
    let is_end = |&at: &usize| {
        tail[at..].starts_with(END) && at + END_BYTES + usize::from(u16_at(&tail[at..], 20)) == tail.len()
    };
    (0..=last).rev().find(is_end)
}

fn parse_directory(bytes: &[u8], num_members: u64) -> Result<BTreeMap<String, Member>> {
    let mut members = BTreeMap::new();
    let mut rest = bytes;
    while !rest.is_empty() {
        let malformed = || format!("entry {} of the zip directory is malformed", members.len());
        let header = rest.get(..DIRECTORY_HEADER_BYTES).filter(|header| header.starts_with(DIRECTORY_HEADER));
        let header = header.ok_or_else(malformed)?;
        let [name_bytes, extra_bytes, comment_bytes] = [28, 30, 32].map(|at| usize::from(u16_at(header, at)));
        let after_name = DIRECTORY_HEADER_BYTES + name_bytes;
        let name = rest.get(DIRECTORY_HEADER_BYTES..after_name).and_then(|name| std::str::from_utf8(name).ok());
        let name = name.ok_or_else(malformed)?.to_owned();
        let extra = rest.get(after_name..after_name + extra_bytes).ok_or_else(malformed)?;
        let member = member_of(header, extra).ok_or_else(malformed)?;
        rest = rest.get(after_name + extra_bytes + comment_bytes..).ok_or_else(malformed)?;
        if members.contains_key(&name) {
            return Err(format!("the archive has two members `{name}`"));
        }
        members.insert(name, member);
    }
    if members.len() as u64 != num_members {
        return Err(format!("the zip directory has {} members, expected {num_members}", members.len()));
    }
    Ok(members)
}

fn member_of(header: &[u8], extra: &[u8]) -> Option<Member> {
    let mut in_zip64 = zip64_numbers(extra)?;
    let mut number = |short: u32| {
        if u64::from(short) == IN_ZIP64 { in_zip64.next() } else { Some(u64::from(short)) }
    };
    let size_bytes = number(u32_at(header, 24))?;
    let stored_bytes = number(u32_at(header, 20))?;
    let header_at = number(u32_at(header, 42))?;
    let (method, is_encrypted) = (u16_at(header, 10), u16_at(header, 8) & ENCRYPTED != 0);
    Some(Member {
        method,
        is_encrypted,
        crc32: u32_at(header, 16),
        size_bytes,
        stored_bytes,
        header_at,
        end_at: header_at,
    })
}

fn zip64_numbers(mut extra: &[u8]) -> Option<impl Iterator<Item = u64>> {
    let mut numbers: &[u8] = &[];
    while !extra.is_empty() {
        let (head, tail) = extra.split_at_checked(4)?;
        let (field, tail) = tail.split_at_checked(u16_at(head, 2).into())?;
        if u16_at(head, 0) == ZIP64_EXTRA {
            numbers = field;
        }
        extra = tail;
    }
    Some(numbers.chunks_exact(8).map(|number| u64_at(number, 0)))
}

/// Finds where each member must end, and refuses those that lie over each other: many members over the same bytes make
/// a small file fill any memory.
fn bound_members(members: &mut BTreeMap<String, Member>, directory_at: u64) -> Result<()> {
    let mut by_place: Vec<(u64, String)> =
        members.iter().map(|(name, member)| (member.header_at, name.clone())).collect();
    by_place.sort();
    let mut end_at = directory_at;
    for (header_at, name) in by_place.into_iter().rev() {
        let Some(member) = members.get_mut(&name) else { continue };
        member.end_at = end_at;
        let min_bytes = member.stored_bytes.checked_add(LOCAL_HEADER_BYTES + name.len() as u64);
        if min_bytes.and_then(|bytes| header_at.checked_add(bytes)).is_none_or(|end| end > end_at) {
            return Err(format!("member `{name}` overlaps what follows it in the zip archive"));
        }
        end_at = header_at;
    }
    Ok(())
}

/// `size_bytes` were checked to lie within the file, so that what is reserved is there to be read.
fn read_at(file: &mut File, at: u64, size_bytes: u64) -> Result<Vec<u8>> {
    file.seek(SeekFrom::Start(at)).map_err(|error| error.to_string())?;
    read_exactly(file, size_bytes)
}

/// The next bytes of a file.
pub(crate) fn read_exactly(file: &mut File, size_bytes: u64) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let no_memory = |_| format!("no memory for {size_bytes} bytes");
    bytes.try_reserve_exact(usize::try_from(size_bytes).unwrap_or(usize::MAX)).map_err(no_memory)?;
    file.take(size_bytes).read_to_end(&mut bytes).map_err(|error| error.to_string())?;
    if bytes.len() as u64 == size_bytes {
        Ok(bytes)
    } else {
        Err(format!("the file ends early: expected {size_bytes} bytes, got {}", bytes.len()))
    }
}

fn u16_at(bytes: &[u8], at: usize) -> u16 {
    u16::from_le_bytes([bytes[at], bytes[at + 1]])
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from(u16_at(bytes, at)) | u32::from(u16_at(bytes, at + 2)) << 16
}

fn u64_at(bytes: &[u8], at: usize) -> u64 {
    u64::from(u32_at(bytes, at)) | u64::from(u32_at(bytes, at + 4)) << 32
}
