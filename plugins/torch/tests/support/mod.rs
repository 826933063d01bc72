//! Writes small `.pth` and `.safetensors` files byte by byte, so that tests can make each byte a lie.
#![allow(dead_code)] // each test binary uses its own part

use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};

use scene3d_torch::{TorchError, Weights};

/// Folder of the members.
pub const FOLDER: &str = "net";

/// A zip archive of stored members, as `torch.save` lays it out, without zip64.
pub fn zip(members: &[(&str, &[u8])]) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut directory = Vec::new();
    for (name, content) in members {
        let header_at = bytes.len() as u32;
        let name = format!("{FOLDER}/{name}");
        let common = common_header(&name, content);
        bytes.extend([&b"PK\x03\x04"[..], &common, name.as_bytes(), content].concat());
        directory.extend(b"PK\x01\x02\x00\x00");
        directory.extend(&common);
        directory.extend([0; 10]);
        directory.extend(header_at.to_le_bytes());
        directory.extend(name.as_bytes());
    }
    let (at, num) = (bytes.len() as u32, members.len() as u16);
    bytes.extend(&directory);
    bytes.extend(b"PK\x05\x06\x00\x00\x00\x00");
    bytes.extend([num.to_le_bytes(), num.to_le_bytes()].concat());
    bytes.extend([(directory.len() as u32).to_le_bytes(), at.to_le_bytes()].concat());
    bytes.extend([0; 2]);
    bytes
}

/// From "version needed" to "extra length": the 26 bytes that local header and directory share.
fn common_header(name: &str, content: &[u8]) -> Vec<u8> {
    let mut header = vec![0; 10];
    header.extend(crc32fast::hash(content).to_le_bytes());
    header.extend((content.len() as u32).to_le_bytes());
    header.extend((content.len() as u32).to_le_bytes());
    header.extend((name.len() as u16).to_le_bytes());
    header.extend([0; 2]);
    header
}

/// Where the directory's entry of a member begins.
pub fn directory_entry(archive: &[u8], member: &str) -> usize {
    let name = format!("{FOLDER}/{member}");
    let is_entry =
        |&at: &usize| archive[at..].starts_with(b"PK\x01\x02") && archive[at + 46..].starts_with(name.as_bytes());
    (0..archive.len() - 46).find(is_entry).unwrap()
}

/// Overwrites bytes.
pub fn patch(bytes: &mut [u8], at: usize, with: &[u8]) {
    bytes[at..at + with.len()].copy_from_slice(with);
}

/// Pickle opcodes, one after the other.
#[derive(Clone)]
pub struct Pickler(pub Vec<u8>);

impl Pickler {
    /// Protocol 2.
    pub fn new() -> Self {
        Self(vec![0x80, 2])
    }

    pub fn raw(mut self, bytes: &[u8]) -> Self {
        self.0.extend(bytes);
        self
    }

    pub fn text(self, text: &str) -> Self {
        self.raw(b"X").raw(&(text.len() as u32).to_le_bytes()).raw(text.as_bytes())
    }

    pub fn int(self, value: i64) -> Self {
        self.raw(&[0x8a, 8]).raw(&value.to_le_bytes())
    }

    pub fn ints(self, values: &[i64]) -> Self {
        values.iter().fold(self.raw(b"("), |pickler, value| pickler.int(*value)).raw(b"t")
    }

    pub fn global(self, module: &str, name: &str) -> Self {
        self.raw(format!("c{module}\n{name}\n").as_bytes())
    }

    pub fn storage(self, class: &str, key: &str, num_elements: i64) -> Self {
        let open = self.raw(b"(").text("storage").global("torch", class);
        open.text(key).text("cpu").int(num_elements).raw(b"tQ")
    }

    pub fn tensor(self, storage: (&str, &str, i64), offset: i64, shape: &[i64], strides: &[i64]) -> Self {
        let (class, key, num_elements) = storage;
        let open = self.global("torch._utils", "_rebuild_tensor_v2").raw(b"(").storage(class, key, num_elements);
        let view = open.int(offset).ints(shape).ints(strides);
        view.raw(b"\x89").global("collections", "OrderedDict").raw(b")RtR")
    }

    /// The end.
    pub fn stop(self) -> Vec<u8> {
        self.raw(b".").0
    }
}

/// A dict of one entry, whose value `value` writes.
pub fn dict_of(name: &str, value: impl FnOnce(Pickler) -> Pickler) -> Vec<u8> {
    value(Pickler::new().raw(b"}").text(name)).raw(b"s").stop()
}

/// A dict with a float tensor `w` of that view on a storage `0`, which has `num_elements`.
pub fn one_view(num_elements: i64, offset: i64, shape: &[i64], strides: &[i64]) -> Vec<u8> {
    dict_of("w", |pickler| pickler.tensor(("FloatStorage", "0", num_elements), offset, shape, strides))
}

/// A file of a pickle and the six floats 0 to 5 as storage `0`.
pub fn pth(pickle: &[u8]) -> Vec<u8> {
    zip(&[("data.pkl", pickle), ("byteorder", b"little"), ("data/0", &floats(6)), ("version", b"3\n")])
}

/// 0, 1, 2, ...
pub fn floats(num: usize) -> Vec<u8> {
    (0..num).flat_map(|value| (value as f32).to_le_bytes()).collect()
}

/// A checkpoint with everything: two tensors, one of them transposed and used twice, arguments, metadata.
pub fn checkpoint() -> Vec<u8> {
    pth(&pickle_of_checkpoint())
}

/// The pickle of [`checkpoint`].
pub fn pickle_of_checkpoint() -> Vec<u8> {
    let tensor =
        |pickler: Pickler, shape: &[i64], strides: &[i64]| pickler.tensor(("FloatStorage", "0", 6), 0, shape, strides);
    let pickler = Pickler::new().raw(b"}(").text("args").global("argparse", "Namespace").raw(b")\x81}(");
    let pickler = pickler.text("model").text("Net(dim=2)").text("lr").raw(b"G\0\0\0\0\0\0\0\0").text("tags").raw(b"](");
    let pickler = pickler.text("a").text("b").raw(b"eub").text("model").global("collections", "OrderedDict");
    let pickler = tensor(pickler.raw(b")Rq\x01(").text("w"), &[2, 3], &[3, 1]).raw(b"q\x02");
    let pickler = tensor(pickler.text("w_t"), &[3, 2], &[1, 3]).text("alias").raw(b"h\x02");
    pickler.raw(b"u}").text("_metadata").raw(b"}sbu").stop()
}

/// A `.safetensors` file.
pub fn safetensors(header: &str, data: &[u8]) -> Vec<u8> {
    [&(header.len() as u64).to_le_bytes()[..], header.as_bytes(), data].concat()
}

/// Loads bytes as a file of its own: cutting the same file short again and again waits for the disk each time.
pub fn load(folder: &Path, bytes: &[u8]) -> Result<Weights, TorchError> {
    static NUM_FILES: AtomicUsize = AtomicUsize::new(0);
    let path = folder.join(format!("{}.pth", NUM_FILES.fetch_add(1, Ordering::Relaxed)));
    std::fs::write(&path, bytes).unwrap();
    let loaded = Weights::load(&path);
    std::fs::remove_file(&path).unwrap();
    loaded
}

/// A file of `torch.save` in the layout of MASt3R's official checkpoint.
pub fn real_file() -> Option<Vec<u8>> {
    let checkout = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let shared = std::env::var_os("SCENE3D_SHARED").map_or_else(|| checkout.join("../shared"), Into::into);
    let path = shared.join("goldens/mast3r_tiny_official_layout.pth");
    let bytes = std::fs::read(&path).ok();
    if bytes.is_none() {
        eprintln!("skipped: there is no {}", path.display());
    }
    bytes
}
