//! The benchmark for GPU machines does not rot: every case is timed once with tiny sizes on the CPU, and the script runs.
#![allow(clippy::unwrap_used)] // helpers of tests may panic as tests do

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use scene3d_torch::testing::find_weight_file;
use serde_json::{Value, json};
use tch::{Device, Kind, Tensor};

const PROGRAM: &str = env!("CARGO_BIN_EXE_gpu-bench");

/// Answers to requests, one each.
fn answers(requests: &[Value]) -> Vec<Value> {
    let mut child = Command::new(PROGRAM).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let text: String = requests.iter().map(|request| format!("{request}\n")).collect();
    child.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{:?}", output.status);
    let lines = String::from_utf8(output.stdout).unwrap();
    let answers: Vec<Value> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(answers.len(), requests.len(), "{lines}");
    answers
}

fn photos(folder: &Path) -> Value {
    json!({"photos": {"count": 3, "size": [160, 128], "path": folder.join("photos")}})
}

fn setup(folder: &Path, weights: &Path) -> Value {
    json!({"setup": {
        "cuda": null, "threads": 2, "photos": folder.join("photos"), "weights": weights, "superpoint": null,
        "descriptor_maps": folder.join("maps"), "num_keypoints": 64, "mast3r": "small",
    }})
}

fn measure(case: &str, precision: &str) -> Value {
    json!({"measure": {"case": case, "batch": 2, "precision": precision, "warm_up": 0, "repeats": 3}})
}

fn write_maps(folder: &Path) {
    let map = Tensor::randn([32, 40, 24], (Kind::Float, Device::Cpu));
    let named = [("desc1", &map), ("desc2", &map)];
    Tensor::write_safetensors(&named, folder.join("maps")).unwrap();
}

#[test]
fn every_case_is_timed() {
    let [Some(weights), Some(_)] = ["aliked-n16rot.pth", "aliked_lightglue.pth"].map(find_weight_file) else { return };
    let folder = tempfile::tempdir().unwrap();
    write_maps(folder.path());
    let cases = [
        "aliked",
        "lightglue-prepare",
        "lightglue-full",
        "lightglue-adaptive",
        "mast3r-encode",
        "mast3r-decode",
        "mast3r-descriptors",
        "mast3r-match",
        "mast3r-all-pairs",
    ];
    let mut requests = vec![photos(folder.path()), setup(folder.path(), weights.parent().unwrap())];
    requests.extend(cases.map(|case| measure(case, "fp32")));
    requests.extend([measure("mast3r-encode", "bf16"), json!("parameters"), measure("superpoint", "auto")]);
    let mut answers = answers(&requests).into_iter();
    assert_eq!([answers.next(), answers.next()], [Some(json!("done")), Some(json!("done"))]);
    for case in cases {
        let measured = &answers.next().unwrap()["measured"];
        let times = measured["item_ms"].as_array().unwrap_or_else(|| panic!("{case}: {measured}"));
        assert!(times.len() == 3 && times.iter().all(|ms| ms.as_f64().unwrap() > 0.0), "{case}: {measured}");
        let num_items = if case == "mast3r-all-pairs" { 1 } else { 2 };
        assert_eq!((&measured["num_items"], &measured["precision"]), (&json!(num_items), &json!("fp32")), "{case}");
    }
    assert_eq!(answers.next().unwrap()["measured"]["precision"], "bf16");
    assert_eq!(answers.next().unwrap()["parameters"][0], json!(["patch_embed.proj.weight", [32, 3, 16, 16]]));
    assert!(answers.next().unwrap()["error"].as_str().unwrap().contains("superpoint"));
}

#[test]
fn mistakes_are_answers() {
    let folder = tempfile::tempdir().unwrap();
    let mut elsewhere = setup(folder.path(), folder.path());
    elsewhere["setup"]["cuda"] = json!(1000);
    let nothing = json!({"measure": {"case": "aliked", "batch": 0, "warm_up": 0, "repeats": 1}});
    let requests = [measure("aliked", "fp32"), nothing, json!({"dance": 1}), photos(folder.path()), elsewhere];
    let answers = answers(&requests);
    let expected = ["send `setup` first", "batch is 0", "unknown variant `dance`", "", "cuda:1000 is not there"];
    for (answer, words) in answers.iter().zip(expected).filter(|(_, words)| !words.is_empty()) {
        assert!(answer["error"].as_str().is_some_and(|error| error.contains(words)), "{words}: {answer}");
    }
}

/// A Python with benches/reference-requirements.txt.
fn reference_python() -> Option<PathBuf> {
    let set_up = Path::new(env!("CARGO_MANIFEST_DIR")).join("../.deps/reference/bin/python");
    let python = std::env::var_os("SCENE3D_REFERENCE_PYTHON").map_or(set_up, PathBuf::from);
    if !python.is_file() {
        eprintln!("skipped: no {}; benches/README.md says how to make it", python.display());
    }
    python.is_file().then_some(python)
}

#[test]
fn heavy_the_script_runs_to_the_end() {
    let Some(python) = reference_python() else { return };
    let folder = tempfile::tempdir().unwrap();
    let [built, out] = ["built", "out"].map(|name| folder.path().join(name));
    let run = |command: &mut Command| assert!(command.status().unwrap().success(), "{command:?}");
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("gpu/gpu_bench.py");
    run(Command::new(&python).arg(script).arg("build").arg(&built).arg("--program").arg(PROGRAM));
    let mut measure = Command::new(&python);
    measure.arg(built.join("gpu_bench.py")).args(["run", "--cpu", "--rounds", "2"]);
    run(measure.arg("--out").arg(&out));
    let report: Value = serde_json::from_slice(&std::fs::read(out.join("gpu-bench.json")).unwrap()).unwrap();
    assert!(report["headline"].as_str().unwrap().starts_with("no CUDA device: small sizes on"), "{report}");
    for row in report["rows"].as_array().unwrap() {
        assert!(row["ours_ms"].as_f64().unwrap() > 0.0, "{row}");
        assert!(row["theirs_ms"].as_f64().is_some_and(|ms| ms > 0.0) || row["why"].is_string(), "{row}");
    }
    assert!(std::fs::read_to_string(out.join("gpu-bench.md")).unwrap().contains("| ALIKED n16rot, per image | 8 |"));
}
