//! Reads `.safetensors` files: a JSON header, then the tensors' bytes, each tensor right behind the one before.
//!
//! Format after the README of huggingface/safetensors. Errors name the tensor; nothing is reserved that the file does
//! not have.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::fs::File;
use std::io::{Seek, SeekFrom};
use std::path::Path;

use serde::Deserialize;
use serde::de::{self, Deserializer, MapAccess, Visitor};
use tch::Kind;

use crate::archive::read_exactly;
use crate::checkpoint::{Checkpoint, MAX_TENSORS, tensor_of};
use crate::pickle::MAX_DIMS;

/// A network of 1,000 tensors has 100 KB.
const MAX_HEADER_BYTES: u64 = 16 << 20;
const LENGTH_BYTES: u64 = 8;
const METADATA: &str = "__metadata__";

type Result<T> = std::result::Result<T, String>;

pub(crate) fn read(path: &Path) -> Result<Checkpoint> {
    let mut file = File::open(path).map_err(|error| error.to_string())?;
    let file_bytes = file.seek(SeekFrom::End(0)).and_then(|size| file.rewind().map(|()| size));
    let file_bytes = file_bytes.map_err(|error| error.to_string())?;
    let (header, data_bytes) = read_header(&mut file, file_bytes)?;
    let mut tensors = BTreeMap::new();
    for (name, entry) in in_order(header.entries, data_bytes)? {
        let of_tensor = |reason: String| format!("tensor `{name}`: {reason}");
        let kind = kind_of(&entry.dtype).map_err(of_tensor)?;
        let shape = shape_of(&entry, kind).map_err(of_tensor)?;
        let bytes = read_exactly(&mut file, entry.num_bytes())?;
        let tensor = tensor_of(&bytes, &shape, kind).map_err(of_tensor)?;
        tensors.insert(name, tensor);
    }
    Ok(Checkpoint { tensors, attributes: header.metadata })
}

fn read_header(file: &mut File, file_bytes: u64) -> Result<(Header, u64)> {
    if file_bytes < LENGTH_BYTES {
        return Err(format!("no safetensors file: it has {file_bytes} bytes"));
    }
    let length: [u8; 8] = read_exactly(file, LENGTH_BYTES)?.try_into().map_err(|_| "the header ends early")?;
    let length = u64::from_le_bytes(length);
    let data_bytes = (file_bytes - LENGTH_BYTES).checked_sub(length).filter(|_| length <= MAX_HEADER_BYTES);
    let data_bytes = data_bytes.ok_or_else(|| {
        format!("the safetensors header has {length} bytes, expected at most {MAX_HEADER_BYTES} and the file's own")
    })?;
    let header = serde_json::from_slice(&read_exactly(file, length)?);
    Ok((header.map_err(|error| format!("the safetensors header: {error}"))?, data_bytes))
}

/// The tensors in order of their bytes, which must follow each other without a hole up to the end of the file.
fn in_order(mut entries: Vec<(String, Entry)>, data_bytes: u64) -> Result<Vec<(String, Entry)>> {
    entries.sort_by(|(a_name, a), (b_name, b)| (a.data_offsets, a_name).cmp(&(b.data_offsets, b_name)));
    let mut at = 0;
    for (name, entry) in &entries {
        let [first, end] = entry.data_offsets;
        if first != at || end < first || end > data_bytes {
            return Err(format!(
                "tensor `{name}`: expected bytes from {at} on and before {data_bytes}, got {first} to {end}"
            ));
        }
        at = end;
    }
    if at == data_bytes {
        Ok(entries)
    } else {
        Err(format!("the tensors take {at} bytes, the file has {data_bytes} for them"))
    }
}

fn shape_of(entry: &Entry, kind: Kind) -> Result<Vec<i64>> {
    let Entry { shape, .. } = entry;
    if shape.len() > MAX_DIMS {
        return Err(format!("{} dimensions, expected at most {MAX_DIMS}", shape.len()));
    }
    let element_bytes = kind.elt_size_in_bytes() as u64;
    let expected_bytes = shape.iter().try_fold(element_bytes, |bytes, &size| bytes.checked_mul(size));
    if expected_bytes != Some(entry.num_bytes()) {
        let expected = expected_bytes.map_or_else(|| "more than can be counted".to_owned(), |bytes| bytes.to_string());
        return Err(format!("shape {shape:?} of {} takes {expected} bytes, got {}", entry.dtype, entry.num_bytes()));
    }
    let sizes = shape.iter().map(|&size| i64::try_from(size).map_err(|error| error.to_string()));
    sizes.collect()
}

fn kind_of(dtype: &str) -> Result<Kind> {
    match dtype {
        "F32" => Ok(Kind::Float),
        "F64" => Ok(Kind::Double),
        "F16" => Ok(Kind::Half),
        "BF16" => Ok(Kind::BFloat16),
        "I64" => Ok(Kind::Int64),
        "I32" => Ok(Kind::Int),
        "I16" => Ok(Kind::Int16),
        "I8" => Ok(Kind::Int8),
        "U8" => Ok(Kind::Uint8),
        "BOOL" => Ok(Kind::Bool),
        other => Err(format!("dtype `{other}` is not known")),
    }
}

struct Header {
    entries: Vec<(String, Entry)>,
    metadata: BTreeMap<String, String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    dtype: String,
    shape: Vec<u64>,
    /// First byte and end, from the end of the header.
    data_offsets: [u64; 2],
}

impl Entry {
    fn num_bytes(&self) -> u64 {
        self.data_offsets[1].saturating_sub(self.data_offsets[0])
    }
}

impl<'de> Deserialize<'de> for Header {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        deserializer.deserialize_map(HeaderVisitor)
    }
}

/// A map that refuses a name that comes twice, where serde's own maps keep the last.
struct HeaderVisitor;

impl<'de> Visitor<'de> for HeaderVisitor {
    type Value = Header;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an object of tensors by name")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> std::result::Result<Header, A::Error> {
        let mut header = Header { entries: Vec::new(), metadata: BTreeMap::new() };
        let mut names = BTreeSet::new();
        while let Some(name) = map.next_key::<String>()? {
            if !names.insert(name.clone()) {
                return Err(de::Error::custom(format!("two entries `{name}`")));
            }
            if names.len() > MAX_TENSORS {
                return Err(de::Error::custom(format!("more than {MAX_TENSORS} tensors")));
            }
            if name == METADATA {
                header.metadata = map.next_value()?;
            } else {
                header.entries.push((name, map.next_value()?));
            }
        }
        Ok(header)
    }
}
