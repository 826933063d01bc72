//! Reads `.pth` files: a zip of `data.pkl` and one member a storage (`torch/serialization.py`, since torch 1.6).

use std::collections::{BTreeMap, HashMap};
use std::fs::File;
use std::io::Read;
use std::path::Path;

use tch::Tensor;
use zip::ZipArchive;

use crate::pickle::{self, Items, TensorRef, Value};

/// What a checkpoint holds.
#[derive(Default)]
pub(crate) struct Checkpoint {
    pub tensors: BTreeMap<String, Tensor>,
    /// Strings beside the tensors, e.g. `args.model`.
    pub attributes: BTreeMap<String, String>,
}

/// Keys under which training code stores the state dict beside optimiser and arguments.
const STATE_DICT_KEYS: [&str; 3] = ["model", "state_dict", "model_state_dict"];

/// Depth of nested dicts that is followed; a checkpoint has two or three.
const MAX_DEPTH: usize = 16;

type Result<T> = std::result::Result<T, String>;

pub(crate) fn read(path: &Path) -> Result<Checkpoint> {
    let file = File::open(path).map_err(|error| error.to_string())?;
    let zip = ZipArchive::new(file).map_err(|error| {
        format!("{error}; expected a zip archive as torch.save writes since torch 1.6, re-save older files")
    })?;
    let mut archive = Archive::open(zip)?;
    let root = pickle::read(&archive.member("data.pkl")?)?;
    let Value::Object(root) = root else { return Err("the pickle holds no dict".to_owned()) };
    let mut checkpoint = Checkpoint::default();
    for (name, tensor) in tensors_of(&state_dict(&root)) {
        checkpoint.tensors.insert(name, archive.tensor(&tensor)?);
    }
    collect_strings("", &root, MAX_DEPTH, &mut checkpoint.attributes);
    Ok(checkpoint)
}

/// The dict that holds tensors: the root itself, or one of its entries.
fn state_dict(root: &Items) -> Items {
    let nested = root.borrow().iter().find_map(|(key, value)| match (key, value) {
        (Value::Str(key), Value::Object(items)) if STATE_DICT_KEYS.contains(&&**key) => Some(Items::clone(items)),
        _ => None,
    });
    nested.unwrap_or_else(|| Items::clone(root))
}

fn tensors_of(state_dict: &Items) -> Vec<(String, std::rc::Rc<TensorRef>)> {
    let named = |(key, value): &(Value, Value)| match (key, value) {
        (Value::Str(name), Value::Tensor(tensor)) => Some((name.to_string(), std::rc::Rc::clone(tensor))),
        _ => None,
    };
    state_dict.borrow().iter().filter_map(named).collect()
}

fn collect_strings(prefix: &str, items: &Items, depth: usize, strings: &mut BTreeMap<String, String>) {
    for (key, value) in items.borrow().iter() {
        let Value::Str(key) = key else { continue };
        match value {
            Value::Str(text) => drop(strings.insert(format!("{prefix}{key}"), text.to_string())),
            Value::Object(nested) if depth > 0 => {
                collect_strings(&format!("{prefix}{key}."), nested, depth - 1, strings);
            }
            _ => {}
        }
    }
}

struct Archive {
    zip: ZipArchive<File>,
    /// Folder of all members: the name the file was saved under.
    folder: String,
    storages: HashMap<String, Tensor>,
}

impl Archive {
    fn open(zip: ZipArchive<File>) -> Result<Self> {
        let folder = zip.file_names().find_map(|name| name.strip_suffix("data.pkl")).map(str::to_owned);
        let folder = folder.ok_or("the archive has no data.pkl: not a file of torch.save")?;
        let mut archive = Self { zip, folder, storages: HashMap::new() };
        let is_big_endian = archive.member("byteorder").is_ok_and(|order| order == b"big");
        if is_big_endian { Err("the file is big-endian".to_owned()) } else { Ok(archive) }
    }

    fn member(&mut self, name: &str) -> Result<Vec<u8>> {
        let name = format!("{}{name}", self.folder);
        let mut member = self.zip.by_name(&name).map_err(|error| format!("{name}: {error}"))?;
        let mut bytes = Vec::new();
        member.read_to_end(&mut bytes).map_err(|error| format!("{name}: {error}"))?;
        Ok(bytes)
    }

    fn tensor(&mut self, tensor: &TensorRef) -> Result<Tensor> {
        let key = &tensor.storage.key;
        if !self.storages.contains_key(key) {
            let storage = self.storage(tensor)?;
            self.storages.insert(key.clone(), storage);
        }
        // torch checks that the view lies within the storage
        let view = self.storages[key].f_as_strided(&tensor.shape, &tensor.strides, Some(tensor.offset));
        view.and_then(|view| view.f_contiguous()).map_err(|error| error.to_string())
    }

    fn storage(&mut self, tensor: &TensorRef) -> Result<Tensor> {
        let kind = tensor.storage.kind;
        let bytes = self.member(&format!("data/{}", tensor.storage.key))?;
        let num_elements = bytes.len() / kind.elt_size_in_bytes();
        Tensor::f_from_data_size(&bytes, &[num_elements as i64], kind).map_err(|error| error.to_string())
    }
}
