//! Seeded fuzzing of the weight readers: whatever the bytes, no panic, and no more memory than the file justifies.
//!
//! Time is bounded in the reader itself, by steps (`hostile_pth.rs` tests that bound).
#![allow(clippy::unwrap_used)] // helpers of tests may panic as tests do

mod support;

use std::path::Path;

use peak_alloc::PeakAlloc;
use scene3d_torch::Weights;
use support::{Pickler, checkpoint, floats, load, pth, safetensors};

#[global_allocator]
static ALLOCATOR: PeakAlloc = PeakAlloc;

const CASES_OF_A_KIND: u64 = 10_000;
const CASES_OF_THE_REAL_FILE: u64 = 200;
/// A byte of a pickle is at most one step, a step at most some 150 bytes.
const MAX_BYTES_PER_FILE_BYTE: usize = 200;
/// Error messages, paths, an empty map.
const MAX_FIXED_BYTES: usize = 64 << 10;

/// Splitmix64 (Vigna 2015): small, and the same everywhere.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, end: usize) -> usize {
        (self.next() % end.max(1) as u64) as usize
    }

    fn of<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[self.below(choices.len())]
    }
}

/// Numbers at which readers go wrong.
const NUMBERS: [i64; 14] = [0, 1, 2, 3, 6, 24, -1, 255, 65_535, 1 << 31, (1 << 32) - 1, 1 << 40, i64::MAX, i64::MIN];

fn mutate(bytes: &mut Vec<u8>, random: &mut Random) {
    for _ in 0..=random.below(4) {
        let at = random.below(bytes.len());
        match random.below(7) {
            0 if !bytes.is_empty() => bytes[at] ^= 1 << random.below(8),
            1 if !bytes.is_empty() => bytes[at] = random.next() as u8,
            2 => bytes.truncate(at),
            3 => {
                let end = bytes.len().min(at + random.below(40));
                drop(bytes.drain(at..end));
            }
            4 => {
                let from = random.below(bytes.len());
                let piece = bytes[from..bytes.len().min(from + random.below(60))].to_vec();
                bytes.splice(at..at, piece);
            }
            _ => {
                let number = random.of(&NUMBERS).to_le_bytes();
                let end = bytes.len().min(at + random.of(&[2, 4, 8]));
                bytes[at..end].copy_from_slice(&number[..end - at]);
            }
        }
    }
}

/// A dict of a tensor and of values of any kind and depth, well formed but for an opcode here and there.
fn grammar(random: &mut Random) -> Vec<u8> {
    let pickler =
        Pickler::new().raw(b"}q\x00").text("w").tensor(("FloatStorage", "0", 6), 0, &[6], &[1]).raw(b"q\x01s");
    let num_items = random.below(6);
    let items = (0..num_items).fold(pickler, |pickler, _| value(key(pickler, random), random, 0).raw(b"s"));
    items.stop()
}

fn key(pickler: Pickler, random: &mut Random) -> Pickler {
    pickler.text(random.of(&["model", "state_dict", "args", "a", "b", ""]))
}

/// Opcodes that leave one value on the stack.
fn value(pickler: Pickler, random: &mut Random, depth: usize) -> Pickler {
    const STRAY: &[&[u8]] = &[
        b"(", b"0", b"N", b"t", b")", b"\x85", b"\x86", b"\x87", b"]", b"}", b"a", b"e", b"s", b"u", b"Q", b"R", b"b",
        b"\x81", b"h\x00", b"h\x01", b"h\x02", b"q\x02", b"q\x00",
    ];
    const CLASSES: [(&str, &str); 5] = [
        ("torch._utils", "_rebuild_tensor_v2"),
        ("torch._utils", "_rebuild_parameter"),
        ("torch", "BoolStorage"),
        ("collections", "OrderedDict"),
        ("argparse", "Namespace"),
    ];
    if random.below(40) == 0 {
        return pickler.raw(random.of(STRAY));
    }
    let num_inner = if depth > 4 { 0 } else { random.below(4) };
    match random.below(11) {
        0 => pickler.text(random.of(&["storage", "0", "Net(dim=2)"])),
        1 => pickler.int(random.of(&NUMBERS)),
        2 => pickler.raw(&[b'h', random.below(2) as u8]),
        3 => (0..num_inner).fold(pickler.raw(b"("), |p, _| value(p, random, depth + 1)).raw(b"t"),
        4 => (0..num_inner).fold(pickler.raw(b"]("), |p, _| value(p, random, depth + 1)).raw(b"e"),
        5 | 6 => (0..num_inner).fold(pickler.raw(b"}("), |p, _| value(key(p, random), random, depth + 1)).raw(b"u"),
        7 => {
            let (module, name) = random.of(&CLASSES[3..]);
            value(pickler.global(module, name).raw(b")\x81"), random, depth + 1).raw(b"b")
        }
        8 if random.below(8) == 0 => {
            let (module, name) = random.of(&CLASSES);
            value(pickler.global(module, name), random, depth + 1).raw(b"\x85R")
        }
        9 if random.below(8) == 0 => {
            let view = [random.of(&NUMBERS), random.of(&NUMBERS), random.of(&NUMBERS)];
            pickler.tensor(("FloatStorage", "0", 6), view[0], &view[1..2], &view[2..])
        }
        _ => {
            let num_rows = 1 + random.below(6) as i64;
            let strides = random.of(&[[1, 1], [1, 6], [2, 1], [0, 1]]);
            pickler.tensor(("FloatStorage", "0", 6), 0, &[num_rows, 6 / num_rows], &strides)
        }
    }
}

/// How many cases were read, and how many refused.
#[derive(Default, Debug)]
struct Tally {
    num_read: usize,
    num_refused: usize,
}

impl Tally {
    fn check(&mut self, folder: &Path, bytes: &[u8]) {
        ALLOCATOR.reset_peak_usage();
        let before = ALLOCATOR.current_usage();
        let loaded = load(folder, bytes);
        let reserved = ALLOCATOR.peak_usage().saturating_sub(before);
        let allowed = MAX_FIXED_BYTES + MAX_BYTES_PER_FILE_BYTE * bytes.len();
        assert!(reserved <= allowed, "{reserved} bytes for a file of {} bytes: {bytes:?}", bytes.len());
        match loaded {
            Ok(weights) => {
                self.num_read += 1;
                check_tensors(&weights, bytes.len());
            }
            Err(error) => {
                self.num_refused += 1;
                assert!(error.to_string().starts_with("can't read weights: "), "{error}");
            }
        }
    }
}

/// No tensor has more bytes than the file, and every value of it can be read.
fn check_tensors(weights: &Weights, file_bytes: usize) {
    for name in weights.names() {
        let shape = weights.shape(name).unwrap();
        let num_elements: i64 = shape.iter().product();
        assert!(num_elements as usize <= file_bytes, "`{name}` has shape {shape:?}");
        let sum = weights.get(name, &shape).unwrap().sum(tch::Kind::Double);
        assert_eq!(sum.numel(), 1);
    }
}

#[test]
fn no_bytes_make_the_readers_panic_or_reserve_more_than_they_are_worth() {
    let folder = tempfile::tempdir().unwrap();
    let whole_pth = checkpoint();
    let pickle = support::pickle_of_checkpoint();
    let header = r#"{"__metadata__":{"model":"x"},"a":{"dtype":"F32","shape":[2,2],"data_offsets":[0,16]},"b":{"dtype":"F16","shape":[4],"data_offsets":[16,24]}}"#;
    let whole_safetensors = safetensors(header, &floats(6));
    type Make<'a> = &'a dyn Fn(&mut Random) -> Vec<u8>;
    let mutated = |bytes: &[u8], random: &mut Random| {
        let mut bytes = bytes.to_vec();
        mutate(&mut bytes, random);
        bytes
    };
    let kinds: [(&str, Make<'_>); 5] = [
        ("archive", &|random| mutated(&whole_pth, random)),
        ("pickle", &|random| pth(&mutated(&pickle, random))),
        ("grammar", &|random| pth(&grammar(random))),
        ("safetensors", &|random| mutated(&whole_safetensors, random)),
        ("header", &|random| {
            let header = mutated(header.as_bytes(), random);
            safetensors(&String::from_utf8_lossy(&header), &floats(6))
        }),
    ];
    for (kind, make) in kinds {
        let mut tally = Tally::default();
        for seed in 0..CASES_OF_A_KIND {
            tally.check(folder.path(), &make(&mut Random(seed)));
        }
        eprintln!("{kind}: {tally:?}");
        assert!(tally.num_read > 0 && tally.num_refused > 0, "{kind} tests one side only: {tally:?}");
    }
    if let Some(bytes) = support::real_file() {
        let mut tally = Tally::default();
        for seed in 0..CASES_OF_THE_REAL_FILE {
            tally.check(folder.path(), &mutated_where_it_counts(&bytes, &mut Random(seed)));
        }
        eprintln!("real file: {tally:?}");
        assert!(tally.num_refused > 0, "{tally:?}");
    }
}

/// Bits of the zip directory, and of member headers, rather than of the weights between them.
fn mutated_where_it_counts(bytes: &[u8], random: &mut Random) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    let directory = bytes.len() - 61_000;
    for _ in 0..=random.below(3) {
        let at = if random.below(2) == 0 { directory + random.below(61_000) } else { random.below(200_000) };
        bytes[at] ^= 1 << random.below(8);
    }
    bytes
}
