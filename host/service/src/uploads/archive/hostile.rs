//! Tests: a hostile archive of each kind is refused by the name of its entry, a plain one is read.

use std::io::Write;
use std::path::PathBuf;

use super::testing::{Made, archive, archive_with, deflated, stored};
use super::{Archive, ArchiveLimits};
use crate::error::ServiceError;
use crate::uploads::refusal::{Refusal, RefusalCode};

const LIMITS: ArchiveLimits =
    ArchiveLimits { max_files: 3, max_file_bytes: 1 << 20, max_total_bytes: 2 << 20, max_ratio: 100 };

struct Opened {
    _folder: tempfile::TempDir,
    result: Result<Archive, ServiceError>,
}

fn open(bytes: &[u8]) -> Opened {
    let folder = tempfile::tempdir().unwrap();
    let path: PathBuf = folder.path().join("a.zip");
    std::fs::write(&path, bytes).unwrap();
    let result = Archive::open(&path, LIMITS);
    Opened { _folder: folder, result }
}

fn unpack_all(bytes: &[u8]) -> Result<Vec<(String, Vec<u8>)>, ServiceError> {
    let opened = open(bytes);
    let archive = opened.result?;
    let unpack = |image: &super::Packed| {
        let mut out = Vec::new();
        archive.unpack(image, &mut out)?;
        Ok((image.name().to_owned(), out))
    };
    archive.images().iter().map(unpack).collect()
}

fn refusal(result: Result<impl Sized, ServiceError>) -> Refusal {
    match result {
        Err(ServiceError::Refused(refusal)) => *refusal,
        Err(other) => panic!("{other}"),
        Ok(_) => panic!("it was taken"),
    }
}

fn check_refused(bytes: &[u8], code: RefusalCode, entry: Option<&str>) {
    let refusal = refusal(open(bytes).result.map(drop));
    assert_eq!((refusal.code, refusal.entry.as_deref()), (code, entry), "{}", refusal.detail);
}

#[test]
fn a_plain_archive_is_read_and_what_is_no_image_is_named() {
    let photo: Vec<u8> = (0..100_000_u32).flat_map(u32::to_le_bytes).collect();
    let entries = [
        stored("photos/", b""),
        deflated("photos/a.jpg", &photo),
        stored("photos/b.PNG", b"b"),
        stored(".DS_Store", b"x"),
    ];
    let bytes = archive(&entries);
    let skipped = open(&bytes).result.unwrap().skipped().to_vec();
    assert_eq!(skipped, [".DS_Store"]);
    let images = unpack_all(&bytes).unwrap();
    assert_eq!(images, [("photos/a.jpg".to_owned(), photo), ("photos/b.PNG".to_owned(), b"b".to_vec())]);
}

#[test]
fn archives_of_another_writer_are_read_sizes_behind_the_files_and_64_bit_fields_included() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.zip");
    let mut writer = zip::ZipWriter::new(std::fs::File::create(&path).unwrap());
    for (name, large) in [("a.jpg", false), ("ü/b.jpg", true)] {
        let options = zip::write::FileOptions::default().compression_method(zip::CompressionMethod::Deflated);
        writer.start_file(name, options.large_file(large)).unwrap();
        writer.write_all(&[7; 1000]).unwrap();
    }
    writer.finish().unwrap();
    let names: Vec<String> = unpack_all(&std::fs::read(&path).unwrap()).unwrap().into_iter().map(|(n, _)| n).collect();
    assert_eq!(names, ["a.jpg", "ü/b.jpg"]);
    let streamed = Made { flags: 1 << 3, local_unpacked_bytes: Some(3), ..stored("a.jpg", b"abc") };
    assert_eq!(unpack_all(&archive(&[streamed])).unwrap()[0].1, b"abc");
}

#[test]
fn names_that_lead_elsewhere_are_refused_even_of_folders_and_files_that_would_be_skipped() {
    for name in ["../a.jpg", "/etc/a.jpg", "C:\\a.jpg", "a\\..\\b.jpg", "x/../../a.txt", "a\nb.jpg"] {
        let shown = crate::uploads::refusal::shown(name);
        check_refused(&archive(&[stored(name, b"")]), RefusalCode::UnsafeName, Some(&shown));
    }
    check_refused(&archive(&[stored("../", b"")]), RefusalCode::UnsafeName, Some(".."));
    let not_utf8 = Made { name: b"a\xff.jpg".to_vec(), flags: 1 << 11, ..stored("a", b"") };
    check_refused(&archive(&[not_utf8]), RefusalCode::UnsafeName, Some("a\u{fffd}.jpg"));
}

#[test]
fn links_devices_and_pipes_are_refused() {
    for mode in [0o120_777_u32, 0o010_644, 0o020_644, 0o060_644, 0o140_644] {
        let special = Made { attributes: mode << 16, ..stored("a.jpg", b"/etc/passwd") };
        check_refused(&archive(&[special]), RefusalCode::ArchiveSpecialFile, Some("a.jpg"));
    }
    let junction = Made { attributes: 0x400, ..stored("a.jpg", b"") };
    check_refused(&archive(&[junction]), RefusalCode::ArchiveSpecialFile, Some("a.jpg"));
}

#[test]
fn two_files_of_one_name_are_refused() {
    for (first, second) in
        [("a.jpg", "a.jpg"), ("a.jpg", "A.jpg"), ("\u{e9}.jpg", "e\u{301}.jpg"), ("a.jpg", "a.jpg/b.jpg")]
    {
        check_refused(&archive(&[stored(first, b"1"), stored(second, b"2")]), RefusalCode::DuplicateName, Some(second));
    }
}

#[test]
fn nested_encrypted_and_oddly_packed_files_are_refused() {
    check_refused(&archive(&[stored("a/b.zip", b"")]), RefusalCode::ArchiveNested, Some("a/b.zip"));
    for flags in [1, 1 | 1 << 6, 1 << 13] {
        let encrypted = Made { flags, ..stored("a.jpg", b"x") };
        check_refused(&archive(&[encrypted]), RefusalCode::ArchiveEncrypted, Some("a.jpg"));
    }
    for method in [1, 9, 12, 14, 93, 99] {
        let odd = Made { method, ..stored("a.jpg", b"x") };
        check_refused(&archive(&[odd]), RefusalCode::ArchiveMethod, Some("a.jpg"));
    }
}

#[test]
fn too_many_too_large_and_too_well_packed_files_are_refused_by_the_directory() {
    let many: Vec<Made> = (0..4).map(|i| stored(&format!("{i}.jpg"), b"")).collect();
    check_refused(&archive(&many), RefusalCode::TooManyFiles, None);
    let others: Vec<Made> = (0..10).map(|i| stored(&format!("{i}.txt"), b"")).collect();
    check_refused(&archive(&others), RefusalCode::TooManyFiles, None);
    let promised = archive_with(&[stored("a.jpg", b"")], |end| end[8..12].copy_from_slice(&[0xfe, 0xff, 0xfe, 0xff]));
    check_refused(&promised, RefusalCode::TooManyFiles, None);
    let large = Made { unpacked_bytes: 1 << 21, ..deflated("a.jpg", &[1; 1 << 20]) };
    check_refused(&archive(&[large]), RefusalCode::ImageTooLarge, Some("a.jpg"));
    let full = |name| stored(name, &[1; 1 << 20]);
    check_refused(
        &archive(&[full("a.jpg"), full("b.jpg"), stored("c.jpg", b"x")]),
        RefusalCode::UploadTooLarge,
        Some("c.jpg"),
    );
    let bomb = deflated("a.bmp", &[0; 1 << 20]);
    check_refused(&archive(&[bomb]), RefusalCode::ArchiveRatio, Some("a.bmp"));
}

#[test]
fn files_that_share_bytes_are_refused() {
    let twice = [stored("a.jpg", b"same"), Made { header_at: Some(0), ..stored("a.jpg", b"same") }];
    check_refused(
        &archive(&[twice[0].clone(), Made { name: b"b.jpg".to_vec(), ..twice[1].clone() }]),
        RefusalCode::ArchiveInconsistent,
        Some("b.jpg"),
    );
    // Fifield's quoting: the first file's bytes are the header and the bytes of the second
    let inner = archive(&[stored("b.jpg", b"kernel")]);
    let quoted = &inner[..30 + 5 + 6];
    let outer = stored("a.jpg", quoted);
    let inside = Made { header_at: Some(30 + 5), ..stored("b.jpg", b"kernel") };
    check_refused(&archive(&[outer, inside]), RefusalCode::ArchiveOverlap, Some("a.jpg"));
    let into_directory = Made { header_at: Some(0), packed: b"abc".to_vec(), ..stored("a.jpg", b"abc") };
    let mut bytes = archive(&[into_directory]);
    let end = bytes.len();
    for size_at in [18, 22, end - 22 - 5 - 46 + 20, end - 22 - 5 - 46 + 24] {
        bytes[size_at..size_at + 4].copy_from_slice(&20_u32.to_le_bytes());
    }
    check_refused(&bytes, RefusalCode::ArchiveOverlap, Some("a.jpg"));
}

#[test]
fn a_directory_that_tells_something_else_than_the_files_is_refused() {
    let inconsistent = |entry: Made| check_refused(&archive(&[entry]), RefusalCode::ArchiveInconsistent, Some("a.jpg"));
    inconsistent(Made { local_name: Some(b"b.jpg".to_vec()), ..stored("a.jpg", b"x") });
    inconsistent(Made { local_unpacked_bytes: Some(2), ..stored("a.jpg", b"x") });
    inconsistent(Made { header_at: Some(1), ..stored("a.jpg", b"x") });
    inconsistent(Made { unpacked_bytes: 9, local_unpacked_bytes: Some(1), ..stored("a.jpg", b"x") });
    inconsistent(Made { unpacked_bytes: u32::MAX, ..stored("a.jpg", b"x") });
}

#[test]
fn an_archive_with_two_ends_none_or_something_before_it_is_refused() {
    let plain = archive(&[stored("a.jpg", b"x")]);
    check_refused(&[b"#!".as_slice(), &plain].concat(), RefusalCode::ArchiveDamaged, None);
    check_refused(&plain[..plain.len() - 1], RefusalCode::ArchiveDamaged, None);
    check_refused(b"PK\x03\x04", RefusalCode::ArchiveDamaged, None);
    check_refused(b"", RefusalCode::ArchiveDamaged, None);
    let second_end = &plain[plain.len() - 22..];
    let two = archive_with(&[stored("a.jpg", b"x")], |end| {
        end[20] = 22;
        end.extend(second_end);
    });
    check_refused(&two, RefusalCode::ArchiveDamaged, None);
    let fewer = archive_with(&[stored("a.jpg", b"x"), stored("b.jpg", b"y")], |end| (end[8], end[10]) = (1, 1));
    check_refused(&fewer, RefusalCode::ArchiveDamaged, None);
}

#[test]
fn a_file_that_unpacks_to_something_else_than_it_says_is_refused() {
    let content = vec![5; 1000];
    let lies = |entry: Made| {
        let refusal = refusal(unpack_all(&archive(&[entry])));
        assert_eq!((refusal.code, refusal.entry.as_deref()), (RefusalCode::ArchiveDamaged, Some("a.jpg")));
        refusal.detail
    };
    let more = lies(Made { unpacked_bytes: 10, ..deflated("a.jpg", &content) });
    assert!(more.contains("more bytes"), "{more}");
    let fewer = lies(Made { unpacked_bytes: 1001, ..deflated("a.jpg", &content) });
    assert!(fewer.contains("fewer bytes"), "{fewer}");
    let mut packed = deflated("a.jpg", &content).packed;
    packed.extend([0; 7]);
    lies(Made { packed, ..deflated("a.jpg", &content) });
    let other = lies(Made { crc32: 1, ..deflated("a.jpg", &content) });
    assert!(other.contains("checksum"), "{other}");
    lies(Made { packed: vec![0xff; 20], ..deflated("a.jpg", &content) });
}

#[test]
fn any_byte_may_be_wrong_without_harm() {
    let plain = archive(&[deflated("a/b.jpg", &[3; 500]), stored("c.png", b"0123456789"), stored("notes.txt", b"x")]);
    for at in 0..plain.len() {
        for change in [0x01, 0x80, 0xff] {
            let mut bytes = plain.clone();
            bytes[at] ^= change;
            if let Ok(images) = unpack_all(&bytes) {
                let total: usize = images.iter().map(|(_, content)| content.len()).sum();
                assert!(total <= 510, "byte {at}: {total}");
            }
        }
    }
    for length in 0..plain.len() {
        assert!(unpack_all(&plain[..length]).is_err(), "cut to {length}");
    }
}
