//! Libraries that are no plugin, or not the one their manifest describes, are refused with what to do about it.
#![allow(clippy::unwrap_used, clippy::panic)] // helpers of tests too

mod common;

use std::fs;
use std::path::{Path, PathBuf};

use common::staged_dir;
use scene3d_abi::ErrorCode;
use scene3d_engine::{PluginError, Registry, StampCache};

/// A folder with one plugin `p` whose library is a copy of `library`.
fn load(library: &Path, manifest: impl Fn(String) -> String) -> Result<(), PluginError> {
    let folder = tempfile::tempdir().unwrap();
    let plugin = folder.path().join("p");
    fs::create_dir(&plugin).unwrap();
    fs::copy(library, plugin.join("lib")).unwrap();
    let text = fs::read_to_string(staged_dir().join("dummy-extractor/plugin.toml")).unwrap();
    let (head, _) = text.split_once("[library]").unwrap();
    let text = format!("{head}[library]\nlinux = \"lib\"\nmacos = \"lib\"\nwindows = \"lib\"\n");
    fs::write(plugin.join("plugin.toml"), manifest(text)).unwrap();
    let registry = Registry::with_cache(&[folder.path().to_owned()], StampCache::default());
    let id = registry.ids().next().unwrap().to_owned();
    registry.load(&id).map(|_| ())
}

fn dummy() -> PathBuf {
    staged_dir().join("dummy-extractor").join(format!(
        "{}scene3d_dummy_extractor{}",
        std::env::consts::DLL_PREFIX,
        std::env::consts::DLL_SUFFIX
    ))
}

#[test]
fn a_copy_of_a_plugin_loads_under_its_own_manifest() {
    load(&dummy(), |manifest| manifest).unwrap();
}

#[test]
fn a_text_file_is_no_library() {
    let file = tempfile::NamedTempFile::new().unwrap();
    fs::write(file.path(), "not a library").unwrap();
    let error = load(file.path(), |manifest| manifest).unwrap_err();
    assert_eq!(error.code, ErrorCode::UNAVAILABLE);
    assert!(error.message.contains("can't be opened"), "{error}");
    assert!(error.help.contains("no library for this machine"), "{}", error.help);
}

#[test]
fn a_library_without_the_symbol_is_no_plugin() {
    // some library that is mapped anyway, such as libc
    let maps = fs::read_to_string("/proc/self/maps").unwrap_or_default();
    let Some(library) = maps.split_whitespace().find(|word| word.contains("/libc.so") || word.contains("/libc-"))
    else {
        eprintln!("skipped: no mapped C library to be found on this system");
        return;
    };
    let error = load(Path::new(library), |manifest| manifest).unwrap_err();
    assert_eq!(error.code, ErrorCode::INCOMPATIBLE);
    assert!(error.message.contains("is a library but no scene3d plugin"), "{error}");
}

#[test]
fn a_manifest_of_another_build_is_refused() {
    let error = load(&dummy(), |manifest| manifest.replace("version = \"0.1.0\"", "version = \"9.9.9\"")).unwrap_err();
    assert_eq!(error.code, ErrorCode::INCOMPATIBLE);
    let expected = "its manifest says extractor `dummy-extractor` 9.9.9 (Apache-2.0), \
                    its library says extractor `dummy-extractor` 0.1.0 (Apache-2.0)";
    assert_eq!(error.message, expected);
}

#[test]
fn manifests_of_another_abi_or_libtorch_are_refused_before_the_library_is_opened() {
    let file = tempfile::NamedTempFile::new().unwrap(); // would fail otherwise
    let error = load(file.path(), |manifest| manifest.replace("\"1.0\"", "\"2.0\"")).unwrap_err();
    assert_eq!(error.message, "it needs plugin ABI 2.0, this host offers 1.0");
    let error = load(file.path(), |manifest| manifest.replace("\"1.0\"", "\"1.9\"")).unwrap_err();
    assert_eq!(error.help, "update scene3d");
    let error = load(file.path(), |manifest| manifest + "[runtime]\nlibtorch = \"2.4.1\"\n").unwrap_err();
    assert_eq!(error.message, "it is linked to libtorch 2.4.1, this host shares 2.11.0");
}

#[test]
fn several_plugins_in_one_process_are_told_apart() {
    let registry = Registry::with_cache(&[staged_dir()], StampCache::default());
    for id in ["dummy-extractor", "dummy-matcher", "dummy-mapper", "hostile"] {
        assert_eq!(registry.load(id).unwrap().descriptor.id, id);
    }
}

const CHILD_DIR: &str = "SCENE3D_TEST_PLUGIN_DIR";
const CHILD_CACHE: &str = "SCENE3D_TEST_CACHE_DIR";

/// What the child process of the next test does, and by itself a test that a library without a cache describes itself.
#[test]
fn child() {
    let dir = std::env::var_os(CHILD_DIR).map_or_else(staged_dir, PathBuf::from);
    let cache = std::env::var_os(CHILD_CACHE).map_or_else(StampCache::default, |dir| StampCache::new(dir.into()));
    let descriptor = Registry::with_cache(&[dir], cache).descriptor("dummy-extractor").unwrap();
    assert_eq!(descriptor.id, "dummy-extractor");
}

#[test]
fn a_descriptor_is_known_without_opening_the_library_until_the_library_changes() {
    let (folder, cache) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let plugin = folder.path().join("dummy-extractor");
    fs::create_dir(&plugin).unwrap();
    for entry in fs::read_dir(staged_dir().join("dummy-extractor")).unwrap() {
        let entry = entry.unwrap();
        fs::copy(entry.path(), plugin.join(entry.file_name())).unwrap();
    }
    let library = plugin.join(dummy().file_name().unwrap());
    let old = std::time::SystemTime::now() - std::time::Duration::from_secs(60);
    let set_old = || fs::File::options().write(true).open(&library).unwrap().set_modified(old).unwrap();
    set_old();
    // in another process, since a path that was opened once is never opened again
    let warmed = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "child"])
        .env(CHILD_DIR, folder.path())
        .env(CHILD_CACHE, cache.path())
        .status()
        .unwrap();
    assert!(warmed.success());
    let registry = || Registry::with_cache(&[folder.path().to_owned()], StampCache::new(cache.path().to_owned()));
    // same size and time, no library any more: only the cache can answer
    fs::write(&library, vec![0_u8; fs::metadata(&library).unwrap().len() as usize]).unwrap();
    set_old();
    assert_eq!(registry().descriptor("dummy-extractor").unwrap().id, "dummy-extractor");
    fs::write(&library, "changed").unwrap();
    assert_eq!(registry().descriptor("dummy-extractor").unwrap_err().code, ErrorCode::UNAVAILABLE);
}
