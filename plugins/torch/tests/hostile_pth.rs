//! Each way in which a `.pth` file can lie is refused, and the message says what is wrong.
#![allow(clippy::unwrap_used, clippy::panic)] // helpers of tests may panic as tests do

mod support;

use support::{
    Pickler, checkpoint, dict_of, directory_entry, floats, load, one_view, patch, pth, real_file, safetensors, zip,
};

#[track_caller]
fn check_refused(bytes: &[u8], reason: &str) {
    let folder = tempfile::tempdir().unwrap();
    match load(folder.path(), bytes) {
        Ok(_) => panic!("was read; expected: {reason}"),
        Err(error) => assert!(error.to_string().contains(reason), "expected `{reason}` in: {error}"),
    }
}

#[test]
fn an_honest_checkpoint_is_read() {
    let folder = tempfile::tempdir().unwrap();
    let weights = load(folder.path(), &checkpoint()).unwrap();
    assert_eq!(weights.names().collect::<Vec<_>>(), ["alias", "w", "w_t"]);
    let transposed = Vec::<f32>::try_from(weights.get("w_t", &[3, 2]).unwrap().flatten(0, -1)).unwrap();
    assert_eq!(transposed, [0.0, 3.0, 1.0, 4.0, 2.0, 5.0]);
    assert_eq!(weights.attribute("args.model"), Some("Net(dim=2)"));
}

#[test]
fn a_checkpoint_in_the_official_layout_is_read_with_its_aliases() {
    let Some(bytes) = real_file() else { return };
    let folder = tempfile::tempdir().unwrap();
    let weights = load(folder.path(), &bytes).unwrap();
    assert!(weights.attribute("args.model").unwrap().starts_with("AsymmetricMASt3R("));
    let alias = weights.shape("downstream_head1.dpt.scratch.layer_rn.0.weight");
    assert!(alias.is_some() && alias == weights.shape("downstream_head1.dpt.scratch.layer1_rn.weight"));
}

#[test]
fn code_is_refused_by_name_and_never_run() {
    let folder = tempfile::tempdir().unwrap();
    let witness = folder.path().join("it-ran");
    let command = format!("touch {}", witness.display());
    for (module, name) in [("os", "system"), ("posix", "system"), ("builtins", "exec"), ("subprocess", "Popen")] {
        let attack = dict_of("w", |pickler| pickler.global(module, name).text(&command).raw(b"\x85R"));
        check_refused(&pth(&attack), &format!("names `{module}.{name}`, which no weight file needs"));
    }
    let instance = dict_of("w", |pickler| pickler.global("torch.nn.modules.linear", "Linear").raw(b")\x81"));
    check_refused(&pth(&instance), "names `torch.nn.modules.linear.Linear`");
    assert!(!witness.exists());
}

#[test]
fn opcodes_that_torch_never_writes_are_refused() {
    // INST, OBJ, EXT1, STACK_GLOBAL, FROZENSET, a frame of protocol 4
    for opcode in [b'i', b'o', 0x82, 0x93, 0x91, 0x95] {
        check_refused(&pth(&[0x80, 2, opcode]), &format!("pickle opcode {opcode:#04x}"));
    }
    check_refused(&pth(&[0x80, 4, b'.']), "pickle protocol 4, expected 2");
}

#[test]
fn truncated_and_unbalanced_pickles_are_refused() {
    let whole = one_view(6, 0, &[2, 3], &[3, 1]);
    for len in 0..whole.len() {
        check_refused(&pth(&whole[..len]), "the pickle");
    }
    check_refused(&pth(b"\x80\x02X\xff\xff\xff\xffab"), "the pickle ends early");
    check_refused(&pth(b"\x80\x02h\x07."), "recalls what it never stored");
    check_refused(&pth(b"\x80\x020."), "takes more from its stack");
    check_refused(&pth(b"\x80\x02t."), "has no mark");
    check_refused(&pth(b"\x80\x02}(K\x01u."), "a key without a value");
    check_refused(&pth(b"\x80\x02K\x01."), "holds no dict");
    check_refused(&pth(b"\x80\x02}."), "holds no dict with tensors");
}

#[test]
fn pickles_that_nest_grow_or_go_round_stay_within_their_steps() {
    let deep = dict_of("w", |pickler| pickler.raw(&[b")".as_slice(), &b"\x85".repeat(2_000_000)].concat()));
    check_refused(&pth(&deep), "holds no dict with tensors");
    let long = dict_of("w", |pickler| pickler.raw(&b"N".repeat(3 << 20)));
    check_refused(&pth(&long), "takes more than 2097152 steps");
    let start = Pickler::new().raw(b"}q\x00").text("a").raw(b"K\x01s}q\x01");
    let doubling = start.raw(&b"h\x00b0h\x00h\x01b0h\x01".repeat(64)).stop();
    check_refused(&pth(&doubling), "takes more than 2097152 steps");
    let cycle = Pickler::new().raw(b"}q\x00").text("model").raw(b"h\x00s").stop();
    check_refused(&pth(&cycle), "holds no dict with tensors");
}

#[test]
fn shared_dicts_cannot_multiply_the_search_for_texts() {
    // twenty dicts, each of which holds the next one a hundred times: 10^40 paths
    let mut pickler = Pickler::new().raw(b"}q\x00");
    for level in 0..20_u8 {
        for twin in 0..100 {
            pickler = pickler.raw(&[b'h', level]).text(&format!("k{twin}"));
            pickler = if twin == 0 { pickler.raw(&[b'}', b'q', level + 1]) } else { pickler.raw(&[b'h', level + 1]) };
            pickler = pickler.raw(b"s0");
        }
    }
    let tensor = pickler.raw(b"h\x00").text("w").tensor(("FloatStorage", "0", 6), 0, &[6], &[1]);
    let folder = tempfile::tempdir().unwrap();
    let weights = load(folder.path(), &pth(&tensor.raw(b"s").stop())).unwrap();
    assert_eq!(weights.shape("w"), Some(vec![6]));
}

#[test]
fn views_beyond_their_storage_are_refused_with_their_numbers() {
    check_refused(
        &pth(&one_view(6, 1, &[2, 3], &[3, 1])),
        "tensor `w`: shape [2, 3], strides [3, 1], offset 1 reaches",
    );
    check_refused(&pth(&one_view(6, 0, &[7], &[1])), "reaches element 6 of a storage of 6");
    check_refused(&pth(&one_view(6, 0, &[1 << 40], &[0])), "more than the 6 of its storage");
    check_refused(&pth(&one_view(6, 0, &[1 << 33, 1 << 33], &[0, 0])), "more than can be counted");
    check_refused(&pth(&one_view(6, i64::MAX, &[2], &[i64::MAX])), "more than can be counted");
    check_refused(&pth(&one_view(6, 0, &[-2, 3], &[3, 1])), "no negative number");
    check_refused(&pth(&one_view(6, 0, &[2, 3], &[-3, 1])), "no negative number");
    check_refused(&pth(&one_view(6, -1, &[2], &[1])), "no negative number");
    check_refused(&pth(&one_view(6, 0, &[2, 3], &[1])), "a stride for every dimension");
    check_refused(&pth(&one_view(6, 0, &[1; 17], &[1; 17])), "17 dimensions, expected at most 16");
}

#[test]
fn copies_of_strided_views_take_no_more_than_the_file() {
    let shape = [1000_i64, 1000];
    let storage = ("FloatStorage", "0", 1_000_000);
    let transposed =
        |pickler: Pickler, index: usize| pickler.text(&format!("w{index}")).tensor(storage, 0, &shape, &[1, 1000]);
    let pickle = |num: usize| (0..num).fold(Pickler::new().raw(b"}("), transposed).raw(b"u").stop();
    let data = floats(1_000_000);
    let archive = |num: usize| zip(&[("data.pkl", &pickle(num)), ("data/0", &data)]);
    let folder = tempfile::tempdir().unwrap();
    assert!(load(folder.path(), &archive(1)).is_ok());
    check_refused(&archive(2), "tensor `w1`: strided views of the file would take more memory than the file has bytes");
}

#[test]
fn storages_that_are_not_what_the_pickle_says_are_refused() {
    check_refused(&pth(&one_view(1 << 60, 0, &[1], &[1])), "expected 1152921504606846976 x Float, got 24 bytes");
    check_refused(&pth(&one_view(5, 0, &[5], &[1])), "storage `0`: expected 5 x Float, got 24 bytes");
    let of_class = |class: &str, num: i64| dict_of("w", |p| p.tensor((class, "0", num), 0, &[num], &[1]));
    check_refused(&pth(&of_class("DoubleStorage", 6)), "expected 6 x Double, got 24 bytes");
    check_refused(&pth(&of_class("BoolStorage", 24)), "expected bools, got other bytes than 0 and 1");
    check_refused(&pth(&of_class("QInt8Storage", 24)), "storage class `torch.QInt8Storage` is not known");
    let other_file = dict_of("w", |p| p.tensor(("FloatStorage", "../../secret", 6), 0, &[6], &[1]));
    check_refused(&pth(&other_file), "the archive has no member `net/data/../../secret`");
    let two_kinds = Pickler::new().raw(b"}(").text("a").tensor(("FloatStorage", "0", 6), 0, &[6], &[1]);
    let two_kinds = two_kinds.text("b").tensor(("IntStorage", "0", 6), 0, &[6], &[1]).raw(b"u").stop();
    check_refused(&pth(&two_kinds), "tensor `b`: storage `0` is 6 x Int here and 6 x Float elsewhere");
}

#[test]
fn two_tensors_of_one_name_are_refused() {
    let twice = Pickler::new().raw(b"}(").text("w").tensor(("FloatStorage", "0", 6), 0, &[6], &[1]);
    let twice = twice.text("w").tensor(("FloatStorage", "0", 6), 0, &[3], &[1]).raw(b"u").stop();
    check_refused(&pth(&twice), "two tensors `w`");
    let models = Pickler::new().raw(b"}(").text("model").raw(b"}").text("model").raw(b"}u").stop();
    check_refused(&pth(&models), "two entries `model`");
}

#[test]
fn objects_of_other_forms_than_torch_writes_are_refused() {
    check_refused(&pth(&dict_of("w", |p| p.text("storage").raw(b"Q"))), "a storage is not of the form");
    let no_storage = |p: Pickler| p.global("torch._utils", "_rebuild_tensor_v2").raw(b"K\x01\x85R");
    check_refused(&pth(&dict_of("w", no_storage)), "a tensor is not of the form");
    check_refused(&pth(&dict_of("w", |p| p.raw(b"K\x01)R"))), "calls what is no class");
    check_refused(&pth(&dict_of("w", |p| p.global("torch", "FloatStorage").raw(b")R"))), "outside of the archive");
    let text_in_shape = |p: Pickler| {
        let open = p.global("torch._utils", "_rebuild_tensor_v2").raw(b"(").storage("FloatStorage", "0", 6);
        open.int(0).text("6").raw(b"\x85").ints(&[1]).raw(b"tR")
    };
    check_refused(&pth(&dict_of("w", text_in_shape)), "no tuple of integers");
}

#[test]
fn every_truncation_of_an_archive_is_refused() {
    let whole = checkpoint();
    for len in 0..whole.len() {
        check_refused(&whole[..len], "can't read weights");
    }
}

#[test]
fn archives_that_lie_about_their_members_are_refused() {
    let whole = pth(&one_view(6, 0, &[6], &[1]));
    let entry = directory_entry(&whole, "data/0");
    let with = |at: usize, bytes: &[u8]| {
        let mut archive = whole.clone();
        patch(&mut archive, entry + at, bytes);
        archive
    };
    check_refused(&with(24, &4096_u32.to_le_bytes()), "is compressed, expected it stored");
    let both = [4096_u32.to_le_bytes(), 4096_u32.to_le_bytes()].concat();
    check_refused(&with(20, &both), "overlaps what follows it");
    check_refused(&with(10, &8_u16.to_le_bytes()), "member `net/data/0` is compressed, expected it stored");
    check_refused(&with(8, &1_u16.to_le_bytes()), "is encrypted");
    check_refused(&with(16, &[0; 4]), "is damaged: expected crc32 00000000");
    check_refused(&with(42, &[0; 4]), "overlaps what follows it");
    check_refused(&with(42, &u32::MAX.to_le_bytes()), "of the zip directory is malformed");
    check_refused(&with(51, b"9"), "the archive has no member `net/data/0`");
    check_refused(&with(28, &u16::MAX.to_le_bytes()), "of the zip directory is malformed");
}

#[test]
fn overlapping_and_doubled_members_are_refused() {
    let one = ("data/0", &floats(6)[..]);
    let mut archive = zip(&[("data.pkl", b"."), one, ("data/1", &floats(6))]);
    let (first, second) = (directory_entry(&archive, "data/0"), directory_entry(&archive, "data/1"));
    let header_at = archive[first + 42..first + 46].to_vec();
    patch(&mut archive, second + 42, &header_at);
    check_refused(&archive, "overlaps what follows it");
    check_refused(&zip(&[("data.pkl", b"."), one, one]), "two members `net/data/0`");
    check_refused(&zip(&[("data.pkl", b"."), ("a/data.pkl", b".")]), "both net/a/data.pkl and net/data.pkl");
    check_refused(&zip(&[("other", b".")]), "no data.pkl");
}

#[test]
fn forged_ends_of_an_archive_are_refused() {
    let whole = pth(&one_view(6, 0, &[6], &[1]));
    let end = whole.len() - 22;
    let with = |at: usize, bytes: &[u8]| {
        let mut archive = whole.clone();
        patch(&mut archive, end + at, bytes);
        archive
    };
    check_refused(&with(10, &u16::MAX.to_le_bytes()), "has 4 members, expected 65535");
    check_refused(&with(12, &u32::MAX.to_le_bytes()), "more than 16777216");
    check_refused(&with(16, &u32::MAX.to_le_bytes()), "does not lie within the file");
    check_refused(&with(0, b"XX"), "cut short");
    let zip64 = |record_at: u64, num: u64, size: u64, at: u64| {
        let (body, tail) = whole.split_at(end);
        let numbers: Vec<u8> = [num, num, size, at].into_iter().flat_map(u64::to_le_bytes).collect();
        let record = [&b"PK\x06\x06"[..], &44_u64.to_le_bytes(), &[0; 12], &numbers].concat();
        let locator = [&b"PK\x06\x07"[..], &[0; 4], &record_at.to_le_bytes(), &1_u32.to_le_bytes()].concat();
        [body, &record, &locator, tail].concat()
    };
    let number = |at: usize| u64::from(u32::from_le_bytes(whole[end + at..end + at + 4].try_into().unwrap()));
    let folder = tempfile::tempdir().unwrap();
    assert!(load(folder.path(), &zip64(end as u64, 4, number(12), number(16))).is_ok());
    check_refused(&zip64(end as u64, 5, number(12), number(16)), "two different zip directories");
    check_refused(&zip64(u64::MAX, 4, number(12), number(16)), "zip64 directory is not where");
    check_refused(&zip64(0, 4, number(12), number(16)), "zip64 directory is not where");
}

#[test]
fn files_of_other_kinds_say_what_was_expected() {
    // begins as torch.save wrote before 1.6: a pickled magic number
    check_refused(b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19.", "torch.save wrote it before torch 1.6");
    check_refused(b"<!DOCTYPE html><html></html>", "a web page");
    check_refused(b"", "it is empty");
    let big = zip(&[("data.pkl", b"."), ("byteorder", b"big")]);
    check_refused(&big, "big-endian");
}

#[test]
fn wrong_and_missing_tensors_are_named_and_unused_ones_listed() {
    let folder = tempfile::tempdir().unwrap();
    let weights = load(folder.path(), &checkpoint()).unwrap();
    let error = weights.get("w", &[3, 3]).unwrap_err().to_string();
    assert!(error.contains("weight `w`: expected shape [3, 3], got [2, 3]"), "{error}");
    let error = weights.get("w_q", &[3, 3]).unwrap_err().to_string();
    assert!(error.contains("no tensor `w_q` of shape [3, 3]; nearest: `w_t`"), "{error}");
    drop(weights.get("w", &[2, 3]).unwrap());
    let warning = weights.unused_warning(|name| name == "alias").unwrap();
    assert!(warning.contains("1 tensor of the weights is not part of the network: `w_t`"), "{warning}");
    assert_eq!(weights.unused_warning(|_| true), None);
}

#[test]
fn safetensors_headers_that_lie_are_refused() {
    let w =
        |shape: &str, offsets: &str| format!(r#"{{"w":{{"dtype":"F32","shape":{shape},"data_offsets":{offsets}}}}}"#);
    let data = floats(6);
    let folder = tempfile::tempdir().unwrap();
    assert!(load(folder.path(), &safetensors(&w("[2,3]", "[0,24]"), &data)).is_ok());
    let refused = |header: &str, reason: &str| check_refused(&safetensors(header, &data), reason);
    refused(&w("[2,4]", "[0,24]"), "tensor `w`: shape [2, 4] of F32 takes 32 bytes, got 24");
    refused(&w("[4294967296,4294967296]", "[0,24]"), "takes more than can be counted bytes");
    refused(&w("[2,3]", "[8,32]"), "expected bytes from 0 on and before 24, got 8 to 32");
    refused(&w("[2,3]", "[24,0]"), "got 24 to 0");
    refused(&w("[2,2]", "[0,16]"), "the tensors take 16 bytes, the file has 24");
    refused(&w("[-2,3]", "[0,24]"), "the safetensors header:");
    refused(&w("[2,3]", "[0,24]").replace("F32", "F8_E4M3"), "dtype `F8_E4M3` is not known");
    let twice = r#"{"w":{"dtype":"F32","shape":[3],"data_offsets":[0,12]},"w":{"dtype":"F32","shape":[3],"data_offsets":[12,24]}}"#;
    refused(twice, "two entries `w`");
    let over = r#"{"v":{"dtype":"F32","shape":[6],"data_offsets":[0,24]},"w":{"dtype":"F32","shape":[6],"data_offsets":[0,24]}}"#;
    refused(over, "tensor `w`: expected bytes from 24 on");
    let deep = format!(r#"{{"__metadata__":{}"#, "[".repeat(100_000));
    refused(&deep, "the safetensors header:");
    let huge = [&(1_u64 << 62).to_le_bytes()[..], b"{}"].concat();
    check_refused(&huge, "the safetensors header has 4611686018427387904 bytes");
}
