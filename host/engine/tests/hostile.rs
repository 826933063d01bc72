//! A plugin that misbehaves in any way that leaves the process alive is an error with a code, and the host goes on:
//! linked statically and opened from its library.
#![allow(clippy::unwrap_used, clippy::panic)] // helpers of tests too

mod common;

use std::process::{Command, Output};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use common::{check, exported, hostile_plan, image, linked, pixels, spawn};
use scene3d_abi::ErrorCode;
use scene3d_engine::{HostCallbacks, Instance, InstanceOptions, LogLevel, MAX_PANICS, PluginError, Registry, code_row};
use scene3d_hostile::mode::{LOAD_MODE_VARIABLE, LoadMode};
use scene3d_wire::{NamedView, PreparedPair};

fn extract(registry: &Registry, mode: &str) -> Result<usize, PluginError> {
    let instance = spawn(registry, &hostile_plan(registry, mode), InstanceOptions::default())?;
    run(&instance)
}

fn run(instance: &Instance) -> Result<usize, PluginError> {
    let pixels = pixels(4, 3);
    instance.extract(&[image(&pixels), image(&pixels)]).map(|features| features.len())
}

/// Mode, code, and what its message must say.
const FAILING: [(&str, ErrorCode, &str); 17] = [
    ("panic_in_create", ErrorCode::PANICKED, "the plugin panicked: hostile in create"),
    ("panic_in_run", ErrorCode::PANICKED, "the plugin panicked: hostile in run"),
    ("panic_message_non_string", ErrorCode::PANICKED, "the plugin panicked: no message"),
    ("panic_payload_that_panics", ErrorCode::PANICKED, "the plugin panicked: no message"),
    ("null_stage", ErrorCode::INTERNAL, "it returned a null stage"),
    ("null_tensor", ErrorCode::INTERNAL, "output `0.keypoints`: not a usable DLPack tensor: null pointer"),
    ("wrong_shape", ErrorCode::INTERNAL, "output `keypoints` of item 0: expected [N, 2], got [1, 3]"),
    ("wrong_dtype", ErrorCode::INTERNAL, "output `keypoints` of item 0: expected f32, got f64"),
    ("wrong_count", ErrorCode::INTERNAL, "output `scores` of item 0: expected [N] with N = 1, got [2]"),
    ("missing_port", ErrorCode::INTERNAL, "output `scores` of item 0: expected f32 [N], got nothing"),
    ("extra_port", ErrorCode::INTERNAL, "output `surprise` of item 0: expected no such output, got one"),
    ("duplicate_port", ErrorCode::INTERNAL, "output `scores` of item 0: expected one tensor, got two"),
    ("missing_item", ErrorCode::INTERNAL, "output `keypoints` of item 1: expected f32 [N, 2], got nothing"),
    ("extra_item", ErrorCode::INTERNAL, "output `2.keypoints` is of none of the 2 items of the batch"),
    ("unnumbered", ErrorCode::INTERNAL, "output `keypoints` is of none of the 2 items of the batch"),
    (
        "nan",
        ErrorCode::INTERNAL,
        "output `keypoints` of item 0: expected finite numbers, got NaN or infinity at element 0",
    ),
    ("unknown_error_code", ErrorCode::INTERNAL, "a code no version has"),
];

fn check_modes(registry: impl Fn() -> Registry) {
    for (mode, code, message) in FAILING {
        let error = extract(&registry(), mode).unwrap_err();
        assert_eq!(code_row(error.code).label, code_row(code).label, "{mode}: {error}");
        assert!(error.message.contains(message), "{mode}: {error}");
    }
    let error = extract(&registry(), "huge_error").unwrap_err();
    assert!(error.message.len() < 5000, "{} bytes", error.message.len());
    for harmless in ["none", "panic_in_drop", "leak", "absurd_callbacks"] {
        assert_eq!(extract(&registry(), harmless).unwrap(), 2, "{harmless}");
    }
}

#[test]
fn a_linked_plugin_can_not_end_the_host() {
    check_modes(linked);
}

#[test]
fn an_exported_plugin_can_not_end_the_host() {
    check_modes(exported);
}

#[test]
fn an_instance_that_panicked_once_is_recreated_and_asked_again() {
    let registry = exported();
    assert_eq!(extract(&registry, "panic_once").unwrap(), 2);
    assert_eq!(registry.disabled_reason("hostile"), None);
}

#[test]
fn a_plugin_that_keeps_panicking_is_disabled_with_its_reason() {
    let registry = exported();
    let instance = spawn(&registry, &hostile_plan(&registry, "panic_in_run"), InstanceOptions::default()).unwrap();
    // each call recreates the stage and asks once more, so two calls see three panics
    assert_eq!(run(&instance).unwrap_err().code, ErrorCode::PANICKED);
    assert_eq!(run(&instance).unwrap_err().code, ErrorCode::PANICKED);
    let reason = registry.disabled_reason("hostile").unwrap();
    assert_eq!(reason, format!("disabled after {MAX_PANICS} panics, the last: the plugin panicked: hostile in run"));
    let error = run(&instance).unwrap_err();
    assert_eq!((error.code, &error.message), (ErrorCode::UNAVAILABLE, &reason));
    let error = spawn(&registry, &hostile_plan(&registry, "none"), InstanceOptions::default()).unwrap_err();
    assert_eq!(error.code, ErrorCode::UNAVAILABLE);
}

#[test]
fn a_missed_deadline_leaves_the_thread_alone_and_the_host_goes_on() {
    let registry = exported();
    let deadline = Some(Duration::from_millis(50));
    let options = InstanceOptions { call_deadline: deadline, ..InstanceOptions::default() };
    for mode in ["hang", "hang_until_cancelled"] {
        let instance = spawn(&registry, &hostile_plan(&registry, mode), options.clone()).unwrap();
        assert_eq!(run(&instance).unwrap_err().code, ErrorCode::TIMEOUT, "{mode}");
        assert!(!instance.is_healthy());
        assert_eq!(run(&instance).unwrap_err().code, ErrorCode::UNAVAILABLE, "{mode}");
    }
    assert_eq!(extract(&registry, "none").unwrap(), 2);
}

#[test]
fn a_call_is_cancelled_from_another_thread() {
    let registry = exported();
    let instance =
        spawn(&registry, &hostile_plan(&registry, "hang_until_cancelled"), InstanceOptions::default()).unwrap();
    let error = std::thread::scope(|scope| {
        let call = scope.spawn(|| run(&instance).unwrap_err());
        instance.cancel();
        call.join().unwrap()
    });
    assert_eq!(error.code, ErrorCode::CANCELLED);
}

#[derive(Default)]
struct Recorder(Mutex<Vec<String>>);

impl HostCallbacks for Recorder {
    fn log(&self, level: LogLevel, plugin: &str, message: &str) {
        self.0.lock().unwrap().push(format!("{level:?} {plugin} {message:?}"));
    }
    fn progress(&self, plugin: &str, share: f64, _: &str) {
        self.0.lock().unwrap().push(format!("{plugin} {share}"));
    }
    fn is_cancelled(&self) -> bool {
        false
    }
}

#[test]
fn log_and_progress_arrive_under_the_plugins_id_and_within_bounds() {
    let registry = exported();
    let (plan, recorder) = (hostile_plan(&registry, "absurd_callbacks"), Arc::new(Recorder::default()));
    let plugin = registry.load("hostile").unwrap();
    let callbacks: Arc<dyn HostCallbacks> = recorder.clone();
    run(&Instance::spawn(&plan, &plugin, InstanceOptions::default(), callbacks).unwrap()).unwrap();
    let expected = [r#"Warn hostile "\0\n\u{1b}[2J""#, "hostile 0", "hostile 0", "hostile 1"];
    assert_eq!(*recorder.0.lock().unwrap(), expected);
}

#[test]
fn an_instance_that_works_for_another_run_logs_there_and_there_alone() {
    let registry = exported();
    let (plan, plugin) = (hostile_plan(&registry, "absurd_callbacks"), registry.load("hostile").unwrap());
    let recorders = [(); 2].map(|()| Arc::new(Recorder::default()));
    let callbacks = recorders.each_ref().map(|recorder| Arc::clone(recorder) as Arc<dyn HostCallbacks>);
    let [first, second] = callbacks;
    let instance = Instance::spawn(&plan, &plugin, InstanceOptions::default(), first).unwrap();
    run(&instance).unwrap();
    instance.work_for(second);
    run(&instance).unwrap();
    run(&instance).unwrap();
    assert_eq!(recorders.each_ref().map(|recorder| recorder.0.lock().unwrap().len()), [4, 8]);
    assert!(instance.may_work_again());
    instance.cancel();
    assert!(!instance.may_work_again(), "it was asked to end");
}

#[test]
fn callbacks_that_panic_do_not_unwind_into_the_plugin() {
    struct Panicking;
    impl HostCallbacks for Panicking {
        fn log(&self, _: LogLevel, _: &str, _: &str) {
            panic!("host in log");
        }
        fn progress(&self, _: &str, _: f64, _: &str) {
            panic!("host in progress");
        }
        fn is_cancelled(&self) -> bool {
            false
        }
    }
    let registry = exported();
    let (plan, plugin) = (hostile_plan(&registry, "absurd_callbacks"), registry.load("hostile").unwrap());
    let instance = Instance::spawn(&plan, &plugin, InstanceOptions::default(), Arc::new(Panicking)).unwrap();
    assert_eq!(run(&instance).unwrap(), 2);
}

#[test]
fn matches_of_keypoints_that_do_not_exist_are_refused() {
    let registry = linked();
    let text = "[[features]]\nextractor = { plugin = \"hostile\" }\nmatcher = { plugin = \"hostile-matcher\" }\n\
                [mapper]\nplugin = \"dummy-mapper\"\n";
    let plan = check(&registry, text).unwrap().features.remove(0).matcher;
    let instance = spawn(&registry, &plan, InstanceOptions::default()).unwrap();
    let one = scene3d_tensor::Tensor::from_vec(vec![1_u8], &[1]).unwrap();
    let prepared = NamedView(vec![("any", one.view())]);
    let pair = PreparedPair { image1: prepared.clone(), image2: prepared };
    let error = instance.match_pairs(&[pair], &[[5, 5]]).unwrap_err();
    let expected = "match [4294967295, 0] is out of range, the images have [5, 5] keypoints";
    assert!(error.code == ErrorCode::INTERNAL && error.message.contains(expected), "{error}");
}

#[test]
fn a_stage_of_another_kind_is_not_asked() {
    let registry = linked();
    let instance = spawn(&registry, &hostile_plan(&registry, "none"), InstanceOptions::default()).unwrap();
    let error = instance.match_pairs(&[], &[]).unwrap_err();
    assert_eq!(
        (error.code, error.message.as_str()),
        (ErrorCode::UNSUPPORTED, "expected a stage of kind matcher, it is of kind extractor")
    );
}

#[test]
fn linked_modules_of_another_abi_or_without_a_descriptor_are_refused() {
    let refused = |mode| Registry::default().add_static(scene3d_hostile::module_as(mode)).unwrap_err();
    let error = refused(LoadMode::WrongAbiMajor);
    assert_eq!(
        (error.code, error.message.as_str()),
        (ErrorCode::INCOMPATIBLE, "it needs plugin ABI 2.0, this host offers 1.0")
    );
    let error = refused(LoadMode::WrongAbiMinor);
    assert_eq!(
        (error.code, error.message.as_str()),
        (ErrorCode::INCOMPATIBLE, "it needs plugin ABI 1.1, this host offers 1.0")
    );
    let error = refused(LoadMode::BadDescriptor);
    assert!(error.message.starts_with("its descriptor can't be read: "), "{error}");
}

/// What the child process of the tests below does, and by itself a test that the plugin loads when nothing is asked.
#[test]
fn child() {
    let mode = std::env::var("SCENE3D_TEST_RUN_MODE").unwrap_or_else(|_| "none".to_owned());
    let registry = exported();
    match registry.load("hostile") {
        Ok(_) => println!("loaded, then {:?}", extract(&registry, &mode).map_err(|error| error.to_string())),
        Err(error) => println!("refused: {}: {error}", code_row(error.code).label),
    }
}

fn in_child(load_mode: &str, run_mode: &str) -> Output {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "child", "--nocapture"])
        .env(LOAD_MODE_VARIABLE, load_mode)
        .env("SCENE3D_TEST_RUN_MODE", run_mode)
        .output()
        .unwrap()
}

#[test]
fn libraries_that_misbehave_while_they_are_loaded_are_refused() {
    let expected = [
        ("none", "loaded, then Ok(2)"),
        (
            "wrong_abi_major",
            "refused: incompatible: plugin `hostile` could not load: it needs plugin ABI 2.0, this host offers 1.0",
        ),
        (
            "wrong_abi_minor",
            "refused: incompatible: plugin `hostile` could not load: it needs plugin ABI 1.1, this host offers 1.0",
        ),
        ("bad_descriptor", "refused: internal: plugin `hostile` could not load: its descriptor can't be read: "),
        ("panic_in_descriptor", "refused: internal: plugin `hostile` could not load: its descriptor can't be read: "),
        (
            "other_kind",
            "its manifest says extractor `hostile` 0.1.0 (Apache-2.0), its library says matcher `hostile` 0.1.0 (Apache-2.0)",
        ),
        ("panic_in_module", "refused: panicked: plugin `hostile` could not load: "),
    ];
    for (mode, message) in expected {
        let output = in_child(mode, "none");
        let text = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success() && text.contains(message), "{mode}: {} {text}", output.status);
    }
}

#[test]
fn an_abort_ends_the_process_it_is_in_which_is_why_validate_uses_a_child() {
    for mode in ["abort", "abort_in_create"] {
        let output = in_child("none", mode);
        assert!(!output.status.success(), "{mode}: {}", output.status);
        assert!(!String::from_utf8_lossy(&output.stdout).contains("loaded, then"), "{mode}");
    }
}
