//! Named tensors in one file, written whole or not at all: an 8-byte length, a JSON header, then the bytes, in the
//! safetensors layout (huggingface/safetensors), so that other tools open artifacts too.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};

use scene3d_tensor::{DType, Tensor};
use scene3d_wire::{Named, NamedView};
use serde::{Deserialize, Serialize};

use crate::PipelineError;

/// A header above this is no header of ours.
const MAX_HEADER_BYTES: usize = 1 << 20;

#[derive(Serialize, Deserialize)]
struct Entry {
    dtype: String,
    shape: Vec<i64>,
    data_offsets: [usize; 2],
}

/// Writes host tensors.
///
/// # Errors
/// [`PipelineError`] if the file can't be written.
pub fn write(path: &Path, named: &NamedView<'_>) -> Result<(), PipelineError> {
    let mut header = BTreeMap::new();
    let mut body = Vec::new();
    for (name, view) in &named.0 {
        let start = body.len();
        body.extend_from_slice(view.as_bytes()?);
        header.insert(
            *name,
            Entry { dtype: name_of(view.dtype()), shape: view.shape().to_vec(), data_offsets: [start, body.len()] },
        );
    }
    let header = serde_json::to_vec(&header).map_err(|error| PipelineError::damaged(path, error.to_string()))?;
    let mut bytes = (header.len() as u64).to_le_bytes().to_vec();
    bytes.extend_from_slice(&header);
    bytes.extend_from_slice(&body);
    write_atomically(path, &bytes)
}

/// Without a sync: a kill does not lose what the system took, and a file torn by a power cut is told when it is read.
fn write_atomically(path: &Path, bytes: &[u8]) -> Result<(), PipelineError> {
    // photos with the same bytes have the same artifact, and two threads may write it at once
    static NUM_WRITTEN: AtomicUsize = AtomicUsize::new(0);
    let part = path.with_extension(format!("{}.part", NUM_WRITTEN.fetch_add(1, Ordering::Relaxed)));
    let written = std::fs::write(&part, bytes).and_then(|()| std::fs::rename(&part, path));
    written.map_err(|source| {
        // the first failure is the one to report
        std::fs::remove_file(&part).ok();
        PipelineError::WriteFile { path: path.to_owned(), source }
    })
}

/// Reads what [`write()`] wrote; `None` if there is no such file.
///
/// # Errors
/// [`PipelineError`] if the file can't be read or is damaged.
pub fn read(path: &Path) -> Result<Option<Named>, PipelineError> {
    let bytes = match std::fs::read(path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(source) => return Err(PipelineError::ReadFile { path: path.to_owned(), source }),
    };
    parse(&bytes).map(Some).map_err(|reason| PipelineError::damaged(path, reason))
}

fn parse(bytes: &[u8]) -> Result<Named, String> {
    let (length, rest) = bytes.split_first_chunk::<8>().ok_or("shorter than its header")?;
    let length = u64::from_le_bytes(*length) as usize;
    if length > MAX_HEADER_BYTES || length > rest.len() {
        return Err(format!("header of {length} bytes does not fit"));
    }
    let (header, body) = rest.split_at(length);
    let header: BTreeMap<String, Entry> = serde_json::from_slice(header).map_err(|error| error.to_string())?;
    header.into_iter().map(|(name, entry)| Ok((name, tensor(&entry, body)?))).collect()
}

fn tensor(entry: &Entry, body: &[u8]) -> Result<Tensor, String> {
    let [start, end] = entry.data_offsets;
    let bytes = body.get(start..end).ok_or_else(|| format!("bytes {start}..{end} of {}", body.len()))?;
    let dtype = DTYPES.iter().find(|dtype| name_of(**dtype) == entry.dtype);
    let dtype = *dtype.ok_or_else(|| format!("dtype {}, expected one of {:?}", entry.dtype, DTYPES.map(name_of)))?;
    Tensor::from_bytes(bytes, dtype, &entry.shape).map_err(|error| error.to_string())
}

const DTYPES: [DType; 9] =
    [DType::U8, DType::U32, DType::U64, DType::I32, DType::I64, DType::F16, DType::Bf16, DType::F32, DType::F64];

fn name_of(dtype: DType) -> String {
    dtype.to_string().to_uppercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_threads_write_the_same_file_at_once() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.safetensors");
        let named: Named = vec![("a".to_owned(), Tensor::from_vec(vec![7_u32; 10_000], &[10_000]).unwrap())];
        let rewrite = || (0..200).for_each(|_| write(&path, &NamedView::of(&named)).unwrap());
        std::thread::scope(|scope| (0..2).for_each(|_| drop(scope.spawn(rewrite))));
        assert_eq!(NamedView::of(&read(&path).unwrap().unwrap()).slice::<u32>("a").unwrap(), &[7; 10_000]);
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn tensors_survive_the_file_and_damage_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.safetensors");
        assert!(read(&path).unwrap().is_none());
        let named: Named = vec![
            ("b".to_owned(), Tensor::from_vec(vec![1.5_f32, -2.0], &[1, 2]).unwrap()),
            ("a".to_owned(), Tensor::from_vec(vec![7_u32], &[1]).unwrap()),
        ];
        write(&path, &NamedView::of(&named)).unwrap();
        let back = read(&path).unwrap().unwrap();
        assert_eq!(NamedView::of(&back).slice::<f32>("b").unwrap(), &[1.5, -2.0]);
        assert_eq!(NamedView::of(&back).slice::<u32>("a").unwrap(), &[7]);
        let bytes = std::fs::read(&path).unwrap();
        for len in [0, 4, 20, bytes.len() - 1] {
            std::fs::write(&path, &bytes[..len]).unwrap();
            assert!(matches!(read(&path), Err(PipelineError::Damaged { .. })), "{len} bytes");
        }
    }
}
