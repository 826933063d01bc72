//! Archives by hand, byte by byte, so that each can lie in one way.

use std::io::Write;

/// An entry; the directory's and the local header's words can be set apart.
#[derive(Clone)]
pub(super) struct Made {
    pub name: Vec<u8>,
    pub local_name: Option<Vec<u8>>,
    pub packed: Vec<u8>,
    pub unpacked_bytes: u32,
    pub local_unpacked_bytes: Option<u32>,
    pub crc32: u32,
    pub flags: u16,
    pub method: u16,
    pub attributes: u32,
    /// Taken for the entry's place in the directory.
    pub header_at: Option<u32>,
}

pub(super) fn stored(name: &str, content: &[u8]) -> Made {
    Made {
        name: name.as_bytes().to_vec(),
        local_name: None,
        packed: content.to_vec(),
        unpacked_bytes: content.len() as u32,
        local_unpacked_bytes: None,
        crc32: crc32fast::hash(content),
        flags: 0,
        method: 0,
        attributes: 0o100_644 << 16,
        header_at: None,
    }
}

pub(super) fn deflated(name: &str, content: &[u8]) -> Made {
    let mut encoder = flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(content).unwrap();
    Made { packed: encoder.finish().unwrap(), method: 8, ..stored(name, content) }
}

pub(super) fn archive(entries: &[Made]) -> Vec<u8> {
    archive_with(entries, |_| {})
}

/// `[sig, ...]` of the end of directory can be changed by `edit`.
pub(super) fn archive_with(entries: &[Made], edit: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
    let mut bytes = Vec::new();
    let places: Vec<u32> = entries.iter().map(|entry| local_header(&mut bytes, entry)).collect();
    let start = bytes.len() as u32;
    for (entry, place) in entries.iter().zip(places) {
        directory_entry(&mut bytes, entry, entry.header_at.unwrap_or(place));
    }
    let length = bytes.len() as u32 - start;
    let count = (entries.len() as u16).to_le_bytes();
    let mut end =
        [b"PK\x05\x06\0\0\0\0".as_slice(), &count, &count, &length.to_le_bytes(), &start.to_le_bytes()].concat();
    end.extend([0, 0]);
    edit(&mut end);
    bytes.extend(end);
    bytes
}

fn local_header(bytes: &mut Vec<u8>, entry: &Made) -> u32 {
    let place = bytes.len() as u32;
    let name = entry.local_name.as_ref().unwrap_or(&entry.name);
    bytes.extend(b"PK\x03\x04\x14\0");
    common(bytes, entry, entry.local_unpacked_bytes.unwrap_or(entry.unpacked_bytes));
    bytes.extend((name.len() as u16).to_le_bytes());
    bytes.extend([0, 0]);
    bytes.extend(name);
    bytes.extend(&entry.packed);
    place
}

fn directory_entry(bytes: &mut Vec<u8>, entry: &Made, place: u32) {
    bytes.extend(b"PK\x01\x02\x14\x03\x14\0");
    common(bytes, entry, entry.unpacked_bytes);
    bytes.extend((entry.name.len() as u16).to_le_bytes());
    bytes.extend([0; 8]);
    bytes.extend(entry.attributes.to_le_bytes());
    bytes.extend(place.to_le_bytes());
    bytes.extend(&entry.name);
}

fn common(bytes: &mut Vec<u8>, entry: &Made, unpacked_bytes: u32) {
    bytes.extend(entry.flags.to_le_bytes());
    bytes.extend(entry.method.to_le_bytes());
    bytes.extend([0; 4]);
    bytes.extend(entry.crc32.to_le_bytes());
    bytes.extend((entry.packed.len() as u32).to_le_bytes());
    bytes.extend(unpacked_bytes.to_le_bytes());
}
