//! Reads `.pth` files: a zip of `data.pkl` and one member a storage (`torch/serialization.py`, since torch 1.6).
//!
//! A hostile file is refused before it costs more than it weighs: storages never lie over each other, views stay within
//! their storage, and copies of views take no more bytes than the file has.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::Path;

use tch::{Kind, Tensor};

use crate::archive::Archive;
use crate::checkpoint::{Checkpoint, MAX_TENSORS, tensor_of};
use crate::pickle_value::{Items, Pickle, StorageRef, TensorRef, Value};
use crate::{pickle, view};

/// Keys under which training code stores the state dict beside optimiser and arguments.
const STATE_DICT_KEYS: [&str; 3] = ["model", "state_dict", "model_state_dict"];

/// A state dict of 1,000 tensors takes 136 KB.
const MAX_PICKLE_BYTES: u64 = 32 << 20;
/// Depth of nested dicts in which strings are looked for: `args.model` is at 1.
const MAX_DEPTH: usize = 3;
const MAX_ATTRIBUTES: usize = 4096;
const MAX_KEY_BYTES: usize = 256;
const MAX_ATTRIBUTE_BYTES: usize = 1 << 14;

type Result<T> = std::result::Result<T, String>;

pub(crate) fn read(path: &Path) -> Result<Checkpoint> {
    let mut storages = Storages::open(path)?;
    let bytes = storages.pickle()?;
    let pickle = pickle::read(&bytes)?;
    let (_, root) = pickle.object(pickle.root).ok_or("the pickle holds no dict")?;
    let mut tensors = BTreeMap::new();
    for (name, tensor) in named_tensors(&pickle, state_dict(&pickle, root)?)? {
        let read = storages.tensor(tensor).map_err(|reason| format!("tensor `{name}`: {reason}"))?;
        tensors.insert(name.to_owned(), read);
    }
    let mut texts = Texts { pickle: &pickle, seen: BTreeSet::new(), found: BTreeMap::new() };
    texts.collect("", pickle.root, MAX_DEPTH)?;
    Ok(Checkpoint { tensors, attributes: texts.found })
}

/// The dict that holds tensors: the root itself, or one of its entries.
fn state_dict<'p, 'a>(pickle: &'p Pickle<'a>, root: &'p Items<'a>) -> Result<&'p Items<'a>> {
    for wanted in STATE_DICT_KEYS {
        let mut values = root.iter().filter(|(key, _)| *key == Value::Text(wanted)).map(|(_, value)| *value);
        let value = values.next();
        if values.next().is_some() {
            return Err(format!("the pickle has two entries `{wanted}`"));
        }
        if let Some((_, items)) = value.and_then(|value| pickle.object(value)) {
            return Ok(items);
        }
    }
    Ok(root)
}

fn named_tensors<'p, 'a>(pickle: &'p Pickle<'a>, items: &Items<'a>) -> Result<BTreeMap<&'a str, &'p TensorRef<'a>>> {
    let mut named = BTreeMap::new();
    for (key, value) in items {
        let (Value::Text(name), Some(tensor)) = (key, pickle.tensor(*value)) else { continue };
        if named.insert(*name, tensor).is_some() {
            return Err(format!("the pickle has two tensors `{name}`"));
        }
        if named.len() > MAX_TENSORS {
            return Err(format!("the pickle has more than {MAX_TENSORS} tensors"));
        }
    }
    if named.is_empty() { Err("the pickle holds no dict with tensors".to_owned()) } else { Ok(named) }
}

/// Collects strings of nested dicts, each dict once: sharing can't multiply the work.
struct Texts<'p, 'a> {
    pickle: &'p Pickle<'a>,
    seen: BTreeSet<usize>,
    found: BTreeMap<String, String>,
}

impl<'a> Texts<'_, 'a> {
    fn collect(&mut self, prefix: &str, value: Value<'a>, depth: usize) -> Result<()> {
        let Some((index, items)) = self.pickle.object(value) else { return Ok(()) };
        if !self.seen.insert(index) {
            return Ok(());
        }
        for (key, value) in items {
            let Value::Text(key) = key else { continue };
            if key.len() > MAX_KEY_BYTES {
                continue;
            }
            match *value {
                Value::Text(text) if text.len() <= MAX_ATTRIBUTE_BYTES => {
                    self.found.insert(format!("{prefix}{key}"), text.to_owned());
                }
                nested @ Value::Object(_) if depth > 0 => {
                    self.collect(&format!("{prefix}{key}."), nested, depth - 1)?;
                }
                _ => {}
            }
            if self.found.len() > MAX_ATTRIBUTES {
                return Err(format!("the pickle has more than {MAX_ATTRIBUTES} texts beside its tensors"));
            }
        }
        Ok(())
    }
}

/// The archive's storages, each read once.
struct Storages {
    archive: Archive,
    /// Folder of all members: the name the file was saved under.
    folder: String,
    read: HashMap<String, (Kind, Tensor)>,
    /// Bytes that copies of views may still take.
    copy_bytes_left: u64,
}

impl Storages {
    fn open(path: &Path) -> Result<Self> {
        let mut archive = Archive::open(path)?;
        let folder = folder_of(&archive)?;
        let byteorder = format!("{folder}byteorder");
        if archive.member_bytes(&byteorder) == Ok(3) && archive.read(&byteorder)? == b"big" {
            return Err("the file is big-endian".to_owned());
        }
        let copy_bytes_left = archive.size_bytes();
        Ok(Self { archive, folder, read: HashMap::new(), copy_bytes_left })
    }

    fn pickle(&mut self) -> Result<Vec<u8>> {
        let name = format!("{}data.pkl", self.folder);
        let size_bytes = self.archive.member_bytes(&name)?;
        if size_bytes > MAX_PICKLE_BYTES {
            return Err(format!("`{name}` has {size_bytes} bytes, expected at most {MAX_PICKLE_BYTES}"));
        }
        self.archive.read(&name)
    }

    fn tensor(&mut self, tensor: &TensorRef<'_>) -> Result<Tensor> {
        let num_elements = view::check(tensor)?;
        if !view::is_contiguous(tensor) {
            let copy_bytes = num_elements.saturating_mul(tensor.storage.kind.elt_size_in_bytes() as u64);
            self.copy_bytes_left = self
                .copy_bytes_left
                .checked_sub(copy_bytes)
                .ok_or("strided views of the file would take more memory than the file has bytes")?;
        }
        let storage = self.storage(&tensor.storage)?;
        let view = storage.f_as_strided(&tensor.shape, &tensor.strides, Some(tensor.offset));
        view.and_then(|view| view.f_contiguous()).map_err(|error| error.to_string())
    }

    fn storage(&mut self, storage: &StorageRef<'_>) -> Result<&Tensor> {
        let StorageRef { key, kind, .. } = *storage;
        if !self.read.contains_key(key) {
            let read = self.read_storage(storage)?;
            self.read.insert(key.to_owned(), (kind, read));
        }
        match &self.read[key] {
            (known, tensor) if *known == kind && tensor.numel() as i64 == storage.num_elements => Ok(tensor),
            (known, tensor) => Err(format!(
                "storage `{key}` is {} x {kind:?} here and {} x {known:?} elsewhere",
                storage.num_elements,
                tensor.numel()
            )),
        }
    }

    fn read_storage(&mut self, storage: &StorageRef<'_>) -> Result<Tensor> {
        let StorageRef { key, kind, num_elements } = *storage;
        let name = format!("{}data/{key}", self.folder);
        let got_bytes = self.archive.member_bytes(&name)?;
        let element_bytes = kind.elt_size_in_bytes() as u64;
        let expected_bytes = u64::try_from(num_elements).ok().and_then(|num| num.checked_mul(element_bytes));
        if expected_bytes != Some(got_bytes) {
            return Err(format!("storage `{key}`: expected {num_elements} x {kind:?}, got {got_bytes} bytes"));
        }
        let bytes = self.archive.read(&name)?;
        tensor_of(&bytes, &[num_elements], kind).map_err(|reason| format!("storage `{key}`: {reason}"))
    }
}

fn folder_of(archive: &Archive) -> Result<String> {
    let mut folders = archive.names().filter_map(|name| name.strip_suffix("data.pkl"));
    match (folders.next(), folders.next()) {
        (Some(folder), None) => Ok(folder.to_owned()),
        (None, _) => Err("the archive has no data.pkl: not a file of torch.save".to_owned()),
        (Some(one), Some(two)) => Err(format!("the archive has both {one}data.pkl and {two}data.pkl")),
    }
}
