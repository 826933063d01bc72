//! Everything that is wrong with a pipeline is reported at once, where it was written and with what to do.
#![allow(clippy::unwrap_used, clippy::panic)] // helpers of tests too

mod common;

use std::fs;
use std::path::PathBuf;

use common::{check, linked};
use scene3d_abi::ABI_VERSION;
use scene3d_engine::{RawConfig, Registry, StampCache, negotiate};
use scene3d_sdk::private::{ExtractorStage, module_of};
use scene3d_sdk::{
    CreateContext, Descriptor, Extractor, Features, Host, ImageTensor, SdkError, StageKind, WeightCondition,
    WeightSpec, describe,
};

const GOOD: &str = r#"
[pipeline]
device = "cpu"

[[features]]
extractor = { plugin = "dummy-extractor", cell_size = 8, max_image_size = 640 }
matcher = { plugin = "dummy-matcher" }

[mapper]
plugin = "dummy-mapper"
"#;

#[test]
fn a_good_config_is_resolved_and_explained() {
    let registry = linked();
    let mut raw = RawConfig::parse(GOOD, "p.toml").unwrap();
    raw.apply_environment([("SCENE3D_SET_MAPPER__DEPTH".to_owned(), "2".to_owned())].into_iter()).unwrap();
    raw.set("features.0.extractor.max_keypoints=99").unwrap();
    let negotiated = negotiate(&raw, &registry, &[]).unwrap();
    let expected = r#"[pipeline]
device = "cpu"       # p.toml:3:10
seed = 0             # default
allow_licenses = []  # default
threads = 0          # default
plugin_dirs = []     # default
resident_mib = 0     # default
weights_dirs = []    # default

[images]
min_sharpness = 0.0  # default

[[features]]
[features.extractor]
plugin = "dummy-extractor"  # p.toml:6:24
cell_size = 8               # p.toml:6:55
max_image_size = 640        # p.toml:6:75
max_keypoints = 99          # --set features.0.extractor.max_keypoints=99
variant = "mean"            # default

[features.matcher]
plugin = "dummy-matcher"  # p.toml:7:22
max_matches = 4096        # default
mode = "keypoints"        # default
score = 1.0               # default

[gather]
cell_px = 4.0          # default
max_error_px = 4.0     # default
max_keypoints = 32768  # default

[join]
radius = 1.0  # default

[pairing]
method = "exhaustive"  # default
window = 10            # default
loop_closures = 0      # default
num_neighbors = 20     # default
codebook_size = 64     # default

[mapper]
plugin = "dummy-mapper"  # p.toml:10:10
baseline = 1.0           # default
depth = 2.0              # environment SCENE3D_SET_MAPPER__DEPTH
"#;
    assert_eq!(sorted_sections(&negotiated.config.explain()), sorted_sections(expected));
    assert_eq!(negotiated.features[0].extractor.as_ref().unwrap().family.as_deref(), Some("dummy-mean"));
    assert_eq!(negotiated.features[0].extractor.as_ref().unwrap().max_long_side_px, Some(640));
    assert_eq!(negotiated.features[0].matcher.max_long_side_px, None);
}

/// Keys of a plugin come in the order of its schema, which is schemars' business: compared as sets a section.
fn sorted_sections(text: &str) -> Vec<Vec<&str>> {
    text.split("\n\n")
        .map(|section| {
            let mut lines: Vec<&str> = section.trim().lines().collect();
            lines.sort_unstable();
            lines
        })
        .collect()
}

#[test]
fn a_resolved_config_resolves_to_itself() {
    let registry = linked();
    let resolved = check(&registry, GOOD).unwrap().config;
    let again = check(&registry, &resolved.to_toml()).unwrap().config;
    assert_eq!(again.to_canonical_json(), resolved.to_canonical_json());
    assert_eq!(again.to_toml(), resolved.to_toml());
}

#[test]
fn all_problems_are_reported_at_once() {
    let text = r#"
[pipeline]
device = "gpu"
sed = 3
seed = "x"
[[features]]
extractor = { plugin = "dummy-extractor", cell_sise = 8, variant = "othr", max_keypoints = -1 }
matcher = { plugin = "dummy-matchr" }
[pairing]
method = "sequental"
window = 0
[mapper]
plugin = "dummy-matcher"
[mapping]
"#;
    let mut registry = Registry::with_cache(&[PathBuf::from("/nowhere")], StampCache::default());
    registry.add_static(scene3d_dummy_extractor::module()).unwrap();
    registry.add_static(scene3d_dummy_matcher::module()).unwrap();
    registry.add_static(scene3d_dummy_mapper::module()).unwrap();
    let expected = r#"11 problems found before anything was run
  p.toml:14:2: unknown key `mapping`
    help: keys there: pipeline, images, features, gather, join, pairing, mapper
  p.toml:4:1: unknown key `pipeline.sed`
    help: did you mean `seed`?
  p.toml:5:8: `pipeline.seed`: expected an integer, at least 0, got "x"
  p.toml:3:10: `pipeline.device`: expected auto, cpu, cuda or cuda:N, got "gpu"
  p.toml:7:43: unknown key `features.0.extractor.cell_sise` of extractor `dummy-extractor`
    help: did you mean `cell_size`?
  p.toml:7:92: `features.0.extractor.max_keypoints`: expected an integer, 0 to 65536, in keypoints, got -1
  p.toml:7:68: `features.0.extractor.variant`: expected one of "mean", "other", got "othr"
    help: did you mean "other"?
  p.toml:8:22: matcher `dummy-matchr`: there is no plugin of that id
    help: did you mean `dummy-matcher`?
    help: plugins there are: dummy-extractor, dummy-mapper, dummy-matcher
    help: directories searched: /nowhere
  p.toml:10:10: `pairing.method`: expected one of "exhaustive", "sequential", "retrieval", got "sequental"
    help: did you mean "sequential"?
  p.toml:11:10: `pairing.window`: expected an integer, 1 to 4294967295, in images, got 0
  p.toml:13:10: `mapper.plugin`: expected a mapper, got the matcher `dummy-matcher`
    help: mappers there are: dummy-mapper"#;
    assert_eq!(check(&registry, text).unwrap_err(), expected);
}

#[test]
fn a_family_that_the_matcher_does_not_understand_is_named_with_those_that_do() {
    let text = GOOD.replace("cell_size = 8", "variant = \"other\"");
    let expected = "1 problem found before anything was run\n  \
        p.toml:7:22: matcher `dummy-matcher` accepts families [dummy-mean], extractor `dummy-extractor` emits `dummy-other`\n    \
        help: matchers that accept it: hostile-matcher";
    assert_eq!(check(&linked(), &text).unwrap_err(), expected);
}

#[test]
fn devices_that_a_plugin_does_not_know_are_refused_but_for_a_mapper() {
    let problems = check(&linked(), &GOOD.replace("\"cpu\"", "\"cuda:1\"")).unwrap_err();
    let expected = "2 problems found before anything was run\n  \
        p.toml:6:24: extractor `dummy-extractor` does not run on cuda:1, only on cpu\n    \
        help: write device = \"auto\" to choose one for each stage\n  \
        p.toml:7:22: matcher `dummy-matcher` does not run on cuda:1, only on cpu\n    \
        help: write device = \"auto\" to choose one for each stage";
    assert_eq!(problems, expected);
}

#[test]
fn missing_parts_are_named() {
    let problems = check(&linked(), "[[features]]\nextractor = {}\n").unwrap_err();
    for part in [
        "`features.0.extractor.plugin` is missing",
        "`features.0.matcher.plugin` is missing",
        "`mapper.plugin` is missing",
    ] {
        assert!(problems.contains(part), "{problems}");
    }
    assert!(check(&linked(), "").unwrap_err().contains("`features` is missing"));
}

/// As many `[[features]]` of the dummies as wanted, with `GOOD`'s other sections.
fn with_features(entries: &[&str]) -> String {
    let (before, after) = (GOOD.split("[[features]]").next().unwrap(), GOOD.split("[mapper]").nth(1).unwrap());
    let features: String = entries.iter().map(|entry| format!("[[features]]\n{entry}\n")).collect();
    format!("{before}{features}[mapper]{after}")
}

#[test]
fn several_entries_of_features_are_planned_in_their_order() {
    let small = "extractor = { plugin = \"dummy-extractor\", cell_size = 8 }\nmatcher = { plugin = \"dummy-matcher\" }";
    let large = small.replace('8', "32");
    let negotiated = check(&linked(), &with_features(&[small, &large])).unwrap();
    let cell_sizes: Vec<_> =
        negotiated.features.iter().map(|f| f.extractor.as_ref().unwrap().config["cell_size"].clone()).collect();
    assert_eq!(cell_sizes, [8, 32]);
    assert_eq!(negotiated.stages().count(), 5);
    let again = check(&linked(), &negotiated.config.to_toml()).unwrap();
    assert_eq!(again.config.to_canonical_json(), negotiated.config.to_canonical_json());
}

#[test]
fn every_entry_of_features_is_checked() {
    let entry = |extra: &str| {
        format!(
            "extractor = {{ plugin = \"dummy-extractor\", {extra} = 1 }}\nmatcher = {{ plugin = \"dummy-matcher\" }}"
        )
    };
    let problems = check(&linked(), &with_features(&[&entry("one"), &entry("two")])).unwrap_err();
    assert!(problems.contains("unknown key `features.0.extractor.one`"), "{problems}");
    assert!(problems.contains("unknown key `features.1.extractor.two`"), "{problems}");
    let good = entry("cell_size").replace("= 1 ", "= 8 ");
    let too_many = check(&linked(), &with_features(&vec![good.as_str(); 64])).unwrap_err();
    assert!(too_many.contains("64 entries of [[features]], expected at most 63"), "{too_many}");
}

/// An extractor with a licence and weights that are not for everyone.
struct Gated;

#[derive(Default, serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
#[serde(default, deny_unknown_fields)]
struct GatedConfig {
    model: String,
}

impl Extractor for Gated {
    type Config = GatedConfig;

    fn descriptor() -> Descriptor {
        Descriptor {
            emits_family: Some("dummy-mean".to_owned()),
            weights: vec![weight("large"), weight("small")],
            ..describe(StageKind::Extractor, "gated", "0.1.0", "CC-BY-NC-SA-4.0", "")
        }
    }

    fn create(_: GatedConfig, _: &CreateContext<'_>) -> Result<Self, SdkError> {
        Ok(Self)
    }

    fn extract(&mut self, _: &[ImageTensor<'_>], _: &Host<'_>) -> Result<Vec<Features>, SdkError> {
        Ok(Vec::new())
    }
}

fn weight(model: &str) -> WeightSpec {
    WeightSpec {
        name: format!("gated-{model}"),
        file: format!("{model}.pth"),
        // sha256 of `abc`, FIPS 180-4
        sha256: "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad".to_owned(),
        license: "LicenseRef-research".to_owned(),
        sources: Vec::new(),
        when: Some(WeightCondition { key: "model".to_owned(), value: model.to_owned() }),
    }
}

#[test]
fn licences_and_weights_are_checked_for_the_model_that_is_used() {
    let mut registry = linked();
    registry.add_static(module_of::<ExtractorStage<Gated>>(ABI_VERSION)).unwrap();
    let text = GOOD.replace("\"dummy-extractor\", cell_size = 8, max_image_size = 640", "\"gated\", model = \"small\"");
    let folder = tempfile::tempdir().unwrap();
    let check = |text: &str| {
        negotiate(&RawConfig::parse(text, "p.toml").unwrap(), &registry, &[folder.path().to_owned()])
            .map_err(|problems| problems.to_string())
    };
    let problems = check(&text).unwrap_err();
    let expected = format!(
        "3 problems found before anything was run\n  \
        p.toml:6:24: extractor `gated` has licence `CC-BY-NC-SA-4.0`, which is not permissive\n    \
        help: if you may use it, write allow_licenses = [\"CC-BY-NC-SA-4.0\"] under [pipeline]\n  \
        p.toml:6:24: weights `gated-small` has licence `LicenseRef-research`, which is not permissive\n    \
        help: if you may use it, write allow_licenses = [\"LicenseRef-research\"] under [pipeline]\n  \
        p.toml:6:24: weights `gated-small` (LicenseRef-research) are missing: no file `small.pth`\n    \
        help: fetch them with `scene3d weights fetch gated-small`, or import a file with `scene3d weights import FILE --name gated-small`\n    \
        help: directories searched: {}",
        folder.path().display()
    );
    assert_eq!(problems, expected);
    fs::write(folder.path().join("small.pth"), "abc").unwrap();
    let allowed = "[pipeline]\nallow_licenses = [\"CC-BY-NC-SA-4.0\", \"LicenseRef-research\"]";
    let plan = check(&text.replace("[pipeline]", allowed)).unwrap().features.remove(0).extractor.unwrap();
    assert_eq!(plan.weights.len(), 1);
    assert_eq!(plan.weights[0].path, folder.path().join("small.pth"));
    assert!(plan.create_request(3).contains("\"seed\":3"));
}

#[test]
fn a_matcher_of_positions_takes_no_extractor_and_any_other_needs_one() {
    let dense = "matcher = { plugin = \"dummy-matcher\", mode = \"dense\" }";
    let negotiated = check(&linked(), &with_features(&[dense])).unwrap();
    assert!(negotiated.features[0].extractor.is_none());
    assert_eq!((negotiated.features[0].name().as_str(), negotiated.stages().count()), ("dummy-matcher", 2));
    let again = check(&linked(), &negotiated.config.to_toml()).unwrap();
    assert_eq!(again.config.to_canonical_json(), negotiated.config.to_canonical_json());

    let both = format!("extractor = {{ plugin = \"dummy-extractor\" }}\n{dense}");
    let problems = check(&linked(), &with_features(&[&both])).unwrap_err();
    assert!(
        problems.contains("`features.0.extractor`: matcher `dummy-matcher` finds correspondences anywhere"),
        "{problems}"
    );
    let problems = check(&linked(), &with_features(&["matcher = { plugin = \"dummy-matcher\" }"])).unwrap_err();
    assert!(problems.contains("`features.0.extractor.plugin` is missing"), "{problems}");

    let looked_up = format!("{}[pairing]\nmethod = \"retrieval\"\n", with_features(&[dense]));
    let problems = check(&linked(), &looked_up).unwrap_err();
    assert!(problems.contains("retrieval and loop closures compare descriptors"), "{problems}");
}
