//! Named weights of a network, from a file or the formula, handed out by name and shape.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::Read;
use std::path::Path;

use scene3d_sdk::{Host, LogLevel};
use tch::{Kind, Tensor};

use crate::checkpoint::Checkpoint;
use crate::{Result, TorchError, formula_tensor, pth, safetensors};

/// Named tensors and what was asked of them.
pub struct Weights {
    source_name: String,
    tensors: BTreeMap<String, Tensor>,
    attributes: BTreeMap<String, String>,
    used: RefCell<BTreeSet<String>>,
}

impl Weights {
    /// Reads a `.pth` (as data; no pickle code is run) or `.safetensors` file, whatever its extension says: users
    /// import either under the name that a plugin declares.
    ///
    /// # Errors
    /// [`TorchError::Unreadable`] with what is wrong.
    pub fn load(path: &Path) -> Result<Self> {
        let unreadable = |reason: String| TorchError::Unreadable { reason, path: path.to_owned() };
        let checkpoint = match Format::of(path) {
            Some(Format::Safetensors) => safetensors::read(path),
            Some(Format::Pth) => pth::read(path),
            Some(Format::OldPth) => {
                Err("torch.save wrote it before torch 1.6: save it again with a newer torch".to_owned())
            }
            Some(Format::WebPage) => Err("it is a web page, not weights: download the file itself".to_owned()),
            Some(Format::Empty) => Err("it is empty, expected .pth or .safetensors".to_owned()),
            None => Err("unknown format, expected .pth or .safetensors".to_owned()),
        };
        let Checkpoint { tensors, attributes } = checkpoint.map_err(unreadable)?;
        Ok(Self { source_name: path.display().to_string(), tensors, attributes, used: RefCell::default() })
    }

    /// Weights by "Formula v1", for parity tests without a file.
    ///
    /// # Errors
    /// [`TorchError`] if torch can't allocate them.
    pub fn from_formula<'a>(parameters: impl IntoIterator<Item = (&'a str, &'a [i64])>) -> Result<Self> {
        let of_formula = |(name, shape): (&str, &[i64])| Ok((name.to_owned(), formula_tensor(name, shape)?));
        Ok(Self::from_tensors("formula v1", parameters.into_iter().map(of_formula).collect::<Result<_>>()?))
    }

    /// Weights that are already in memory; `source_name` is for messages.
    #[must_use]
    pub fn from_tensors(source_name: &str, tensors: BTreeMap<String, Tensor>) -> Self {
        let source_name = source_name.to_owned();
        Self { source_name, tensors, attributes: BTreeMap::new(), used: RefCell::default() }
    }

    /// The tensor of that name and shape, f32 on CPU (half and bf16 are converted up; exact).
    ///
    /// # Errors
    /// [`TorchError::MissingWeight`] with the nearest names, [`TorchError::WeightShape`] with both shapes.
    pub fn get(&self, name: &str, shape: &[i64]) -> Result<Tensor> {
        let tensor = self.tensors.get(name).ok_or_else(|| self.missing(name, shape))?;
        if tensor.size() != shape {
            return Err(TorchError::WeightShape {
                name: name.to_owned(),
                expected: shape.to_vec(),
                got: tensor.size(),
                source_name: self.source_name.clone(),
            });
        }
        self.used.borrow_mut().insert(name.to_owned());
        Ok(tensor.f_to_kind(Kind::Float)?)
    }

    fn missing(&self, name: &str, shape: &[i64]) -> TorchError {
        let near = |known: &&String| known.len() <= MAX_COMPARED_BYTES;
        let mut by_distance: Vec<_> =
            self.tensors.keys().filter(near).map(|known| (edit_distance(name, known), known)).collect();
        by_distance.sort();
        let nearest: Vec<_> = by_distance.iter().take(3).map(|(_, known)| format!("`{known}`")).collect();
        TorchError::MissingWeight {
            name: name.to_owned(),
            expected: shape.to_vec(),
            nearest: nearest.join(", "),
            source_name: self.source_name.clone(),
        }
    }

    /// Whether there is a tensor of that name.
    #[must_use]
    pub fn contains(&self, name: &str) -> bool {
        self.tensors.contains_key(name)
    }

    /// Shape of a tensor.
    #[must_use]
    pub fn shape(&self, name: &str) -> Option<Vec<i64>> {
        self.tensors.get(name).map(Tensor::size)
    }

    /// All names, sorted.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.tensors.keys().map(String::as_str)
    }

    /// A string stored beside the tensors of a `.pth`, e.g. `args.model`.
    #[must_use]
    pub fn attribute(&self, name: &str) -> Option<&str> {
        self.attributes.get(name).map(String::as_str)
    }

    /// The same tensors under other names.
    #[must_use]
    pub fn rename(self, rename: impl Fn(&str) -> String) -> Self {
        let tensors = self.tensors.into_iter().map(|(name, tensor)| (rename(&name), tensor)).collect();
        Self { tensors, used: RefCell::default(), ..self }
    }

    /// Names that [`Self::get`] was never asked for, sorted.
    #[must_use]
    pub fn unused(&self) -> Vec<&str> {
        let used = self.used.borrow();
        self.names().filter(|name| !used.contains(*name)).collect()
    }

    /// Warns about tensors as [`Self::unused_warning`] finds them.
    pub fn warn_unused(&self, host: &Host<'_>, is_known: impl Fn(&str) -> bool) {
        if let Some(warning) = self.unused_warning(is_known) {
            host.log(LogLevel::Warn, &warning);
        }
    }

    /// What to tell the user about tensors that the network has no place for, other than those `is_known` to be of no
    /// use: perhaps the weights are another network's.
    #[must_use]
    pub fn unused_warning(&self, is_known: impl Fn(&str) -> bool) -> Option<String> {
        let unused: Vec<String> =
            self.unused().into_iter().filter(|name| !is_known(name)).map(|name| format!("`{name}`")).collect();
        let shown = unused.get(..MAX_SHOWN).unwrap_or(&unused).join(", ");
        let more = match unused.len().saturating_sub(MAX_SHOWN) {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        let are = match unused.len() {
            0 => return None,
            1 => "1 tensor of the weights is".to_owned(),
            num => format!("{num} tensors of the weights are"),
        };
        Some(format!("{are} not part of the network: {shown}{more}; file: {}", self.source_name))
    }
}

/// Longer names are not worth comparing; the time of a comparison grows with the product of both.
const MAX_COMPARED_BYTES: usize = 256;
/// Names that a warning shows.
const MAX_SHOWN: usize = 8;

enum Format {
    Pth,
    /// `torch/serialization.py`: a bare pickle that begins with a magic number.
    OldPth,
    Safetensors,
    /// What a link to a page about the file downloads.
    WebPage,
    Empty,
}

impl Format {
    /// By content, and by extension where the content is neither, so that the reader says what is wrong with it.
    fn of(path: &Path) -> Option<Self> {
        let mut start = Vec::new();
        // a file that can't be opened is reported by its reader
        let _ = File::open(path).and_then(|file| file.take(9).read_to_end(&mut start));
        match (start.as_slice(), path.extension().and_then(|extension| extension.to_str())) {
            ([b'P', b'K', 3, 4, ..], _) => Some(Self::Pth),
            // eight bytes of length, then a JSON object
            ([_, _, _, _, _, _, _, _, b'{'], _) | (_, Some("safetensors")) => Some(Self::Safetensors),
            ([], _) if path.is_file() => Some(Self::Empty),
            ([0x80, _, 0x8a, 0x0a, ..], _) => Some(Self::OldPth),
            ([b'<', ..], _) => Some(Self::WebPage),
            (_, Some("pth" | "pt")) => Some(Self::Pth),
            _ => None,
        }
    }
}

/// Levenshtein distance.
fn edit_distance(a: &str, b: &str) -> usize {
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, in_a) in a.bytes().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, in_b) in b.bytes().enumerate() {
            let substituted = diagonal + usize::from(in_a != in_b);
            diagonal = row[j + 1];
            row[j + 1] = substituted.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn small() -> Weights {
        Weights::from_formula([("block1.conv1.weight", &[8, 3, 3, 3][..]), ("block1.conv2.weight", &[8, 8, 3, 3])])
            .unwrap()
    }

    #[test]
    fn a_missing_name_comes_with_its_neighbours() {
        let error = small().get("block1.conv3.weight", &[8]).unwrap_err().to_string();
        assert!(error.contains("`block1.conv1.weight`, `block1.conv2.weight`"), "{error}");
    }

    #[test]
    fn a_wrong_shape_says_both() {
        let error = small().get("block1.conv1.weight", &[16, 3, 3, 3]).unwrap_err().to_string();
        assert!(error.contains("expected shape [16, 3, 3, 3], got [8, 3, 3, 3]"), "{error}");
    }

    #[test]
    fn unused_names_are_listed_after_renaming() {
        let weights = small().rename(|name| name.replace("block1.", ""));
        assert_eq!(weights.get("conv1.weight", &[8, 3, 3, 3]).unwrap().numel(), 216);
        assert_eq!(weights.unused(), ["conv2.weight"]);
    }

    #[test]
    fn half_stored_values_come_up_exactly() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("half.safetensors");
        let stored = Tensor::from_slice(&[0.1_f32, -2.5]).to_kind(Kind::Half);
        Tensor::write_safetensors(&[("w", &stored)], &path).unwrap();
        let got = Weights::load(&path).unwrap().get("w", &[2]).unwrap();
        assert_eq!(Vec::<f32>::try_from(got).unwrap(), [0.099_975_586, -2.5]);
    }

    #[test]
    fn content_counts_and_not_the_extension() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("imported.pth");
        Tensor::write_safetensors(&[("w", &Tensor::from_slice(&[1.0_f32]))], &path).unwrap();
        assert_eq!(Weights::load(&path).unwrap().shape("w"), Some(vec![1]));
    }

    #[test]
    fn unreadable_files_say_why() {
        let folder = tempfile::tempdir().unwrap();
        for (name, content, reason) in [
            ("a.pth", &b"not a zip"[..], "no zip archive as torch.save writes"),
            ("a.safetensors", b"\x01", "safetensors"),
            ("a.onnx", b"\x08\x07", "expected .pth or .safetensors"),
        ] {
            let path = folder.path().join(name);
            std::fs::write(&path, content).unwrap();
            let Err(error) = Weights::load(&path) else { panic!("{name} was read") };
            assert!(error.to_string().contains(reason), "{error}");
        }
    }
}
