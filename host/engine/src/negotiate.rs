//! Checks a whole pipeline before anything is run: every mistake in the config and every part that does not fit
//! another, reported together.

use std::path::PathBuf;
use std::sync::Arc;

use scene3d_abi::{Descriptor, ErrorCode, StageKind};
use scene3d_tensor::Device;
use schemars::JsonSchema;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::config::{
    Checked, Entry, FeaturesConfig, Node, Origin, PairingMethod, PairingSection, PipelineSection, RawConfig,
    ResolvedConfig, StageConfig, Written, check_table, section_schema, unknown_key,
};
use crate::device::DeviceChoice;
use crate::error::PluginError;
use crate::plan::{FeaturesPlan, Negotiated, StagePlan, WeightFile, finds_correspondences};
use crate::problem::{Problem, Problems};
use crate::registry::Registry;
use crate::{family, license, weights};

const SECTIONS: [&str; 7] = ["pipeline", "images", "features", "gather", "join", "pairing", "mapper"];

/// Sets of entries are kept as bits.
const MAX_FEATURES: usize = 63;

/// Resolves a config against the plugins and weights there are. No weight is loaded and no GPU touched.
///
/// # Errors
/// All problems at once.
pub fn negotiate(raw: &RawConfig, registry: &Registry, weights_dirs: &[PathBuf]) -> Result<Negotiated, Problems> {
    let mut negotiation = Negotiation::new(raw, registry, weights_dirs);
    let negotiated = negotiation.run();
    match negotiated {
        Some(mut negotiated) if negotiation.checked.problems.is_empty() => {
            negotiated.config.entries = negotiation.checked.entries;
            Ok(negotiated)
        }
        _ => Err(Problems(negotiation.checked.problems)),
    }
}

/// Resolves `[pipeline]` and the extractor of the first entry of `[[features]]` alone, e.g. to measure it: the matcher
/// beside it is not looked at.
///
/// # Errors
/// All problems of the extractor, `[pipeline]` and the names of sections at once.
pub fn plan_extractor(
    raw: &RawConfig,
    registry: &Registry,
    weights_dirs: &[PathBuf],
) -> Result<(StagePlan, PipelineSection), Problems> {
    let mut negotiation = Negotiation::new(raw, registry, weights_dirs);
    match negotiation.extractor() {
        Some(planned) if negotiation.checked.problems.is_empty() => Ok(planned),
        _ => Err(Problems(negotiation.checked.problems)),
    }
}

struct Negotiation<'a> {
    raw: &'a RawConfig,
    registry: &'a Registry,
    weights_dirs: &'a [PathBuf],
    checked: Checked,
    allowed: Vec<String>,
    device: DeviceChoice,
}

/// A stage whose plugin was found.
struct Draft {
    path: String,
    origin: Origin,
    descriptor: Arc<Descriptor>,
    config: Value,
    weights: Vec<WeightFile>,
    device: Device,
}

struct FeaturesDraft {
    extractor: Option<Draft>,
    matcher: Draft,
    family: Option<String>,
}

impl<'a> Negotiation<'a> {
    fn new(raw: &'a RawConfig, registry: &'a Registry, weights_dirs: &'a [PathBuf]) -> Self {
        let (checked, allowed) = (Checked::default(), Vec::new());
        Self { raw, registry, weights_dirs, checked, allowed, device: DeviceChoice::Auto }
    }

    fn extractor(&mut self) -> Option<(StagePlan, PipelineSection)> {
        self.check_sections();
        let pipeline = self.section("pipeline")?;
        self.read_pipeline(&pipeline);
        let written = self.features().first()?.get("extractor");
        let extractor = self.stage(written, "features.0.extractor", StageKind::Extractor);
        let family = self.family(extractor.as_ref(), None);
        Some((StagePlan { family, ..extractor?.into_plan() }, pipeline))
    }

    fn run(&mut self) -> Option<Negotiated> {
        self.check_sections();
        let pipeline = self.section("pipeline")?;
        self.read_pipeline(&pipeline);
        let images = self.section("images");
        // every entry is checked, also behind one that is wrong
        let features: Vec<Option<FeaturesDraft>> =
            self.features().iter().enumerate().map(|(index, written)| self.features_draft(index, written)).collect();
        let gather = self.section("gather");
        let join = self.section("join");
        let pairing = self.section("pairing");
        let mapper = self.stage(self.raw.root.get("mapper"), "mapper", StageKind::Mapper);
        let (features, mapper) = (features.into_iter().collect::<Option<Vec<_>>>()?, mapper?);
        self.check_pairing(pairing.as_ref()?, &features);
        let config = ResolvedConfig {
            pipeline,
            images: images?,
            features: features.iter().map(FeaturesDraft::config).collect(),
            gather: gather?,
            join: join?,
            pairing: pairing?,
            mapper: mapper.stage_config(),
            entries: Vec::new(),
        };
        let features = features.into_iter().map(FeaturesDraft::into_plan).collect();
        Some(Negotiated { config, features, mapper: mapper.into_plan() })
    }

    /// What looks alike is decided by the first entry's descriptors.
    fn check_pairing(&mut self, pairing: &PairingSection, features: &[FeaturesDraft]) {
        let looks_up = pairing.method == PairingMethod::Retrieval
            || (pairing.method == PairingMethod::Sequential && pairing.loop_closures > 0);
        if looks_up && features.first().is_some_and(|entry| entry.extractor.is_none()) {
            let message = "`pairing`: retrieval and loop closures compare descriptors, but the first entry of [[features]] \
                           has no extractor";
            let help = "write an entry with an extractor first, or method = \"exhaustive\"";
            self.problem(Problem::new(ErrorCode::INVALID_CONFIG, message).help(help));
        }
    }

    fn features_draft(&mut self, index: usize, written: &Written) -> Option<FeaturesDraft> {
        let path = |stage: &str| format!("features.{index}.{stage}");
        let asked = written.get("extractor");
        let extractor = asked.and_then(|asked| self.stage(Some(asked), &path("extractor"), StageKind::Extractor));
        let matcher = self.stage(written.get("matcher"), &path("matcher"), StageKind::Matcher);
        let is_dense = matcher.as_ref().is_some_and(Draft::finds_correspondences);
        match (asked, is_dense) {
            // says that it is missing
            (None, false) => self.stage(None, &path("extractor"), StageKind::Extractor).map(drop)?,
            (None, true) => return Some(FeaturesDraft { extractor: None, matcher: matcher?, family: None }),
            (Some(asked), true) => {
                self.problem(superfluous(&path("extractor"), matcher.as_ref()?).at(&asked.value));
                return None;
            }
            (Some(_), false) => {}
        }
        let family = self.family(extractor.as_ref(), matcher.as_ref());
        Some(FeaturesDraft { extractor: Some(extractor?), matcher: matcher?, family })
    }

    fn problem(&mut self, problem: Problem) {
        self.checked.problems.push(problem);
    }

    fn check_sections(&mut self) {
        let Node::Table(entries) = &self.raw.root.node else { return };
        for (key, entry) in entries.iter().filter(|(key, _)| !SECTIONS.contains(&key.as_str())) {
            self.problem(unknown_key(key, key, "", &SECTIONS).at(&entry.key));
        }
    }

    fn section<T: JsonSchema + Serialize + DeserializeOwned + Default>(&mut self, name: &str) -> Option<T> {
        let table = self.raw.root.get(name);
        let value = check_table(&section_schema::<T>(), table, name, ("", &[]), &mut self.checked);
        match serde_json::from_value(value) {
            Ok(section) => Some(section),
            Err(error) => {
                self.problem(Problem::new(ErrorCode::INVALID_CONFIG, format!("`{name}`: {error}")));
                None
            }
        }
    }

    fn read_pipeline(&mut self, pipeline: &PipelineSection) {
        self.allowed.clone_from(&pipeline.allow_licenses);
        match DeviceChoice::parse(&pipeline.device) {
            Ok(choice) => self.device = choice,
            Err(problem) => {
                let written = self.raw.root.get("pipeline").and_then(|pipeline| pipeline.get("device"));
                self.problem(written.map_or(problem.clone(), |written| problem.at(&written.value)));
            }
        }
    }

    /// The entries of `[[features]]`.
    fn features(&mut self) -> &'a [Written] {
        let raw: &'a RawConfig = self.raw;
        let written = raw.root.get("features");
        let problem = match written.map(|written| (&written.node, &written.value)) {
            Some((Node::Array(entries), _)) if (1..=MAX_FEATURES).contains(&entries.len()) => return entries,
            Some((Node::Array(entries), origin)) if entries.len() > MAX_FEATURES => {
                let message = format!("{} entries of [[features]], expected at most {MAX_FEATURES}", entries.len());
                Problem::new(ErrorCode::INVALID_CONFIG, message).at(origin)
            }
            Some((_, origin)) => {
                Problem::new(ErrorCode::INVALID_CONFIG, "`features`: expected entries [[features]]").at(origin)
            }
            None => Problem::new(ErrorCode::INVALID_CONFIG, "`features` is missing")
                .help("write [[features]] with extractor = { plugin = \"...\" } and matcher = { plugin = \"...\" }"),
        };
        self.problem(problem);
        &[]
    }

    fn stage(&mut self, table: Option<&Written>, path: &str, kind: StageKind) -> Option<Draft> {
        let (id, origin) = self.plugin_id(table, path, kind)?;
        let found = self.registry.kind(&id).and_then(|found| Ok((found, self.registry.descriptor(&id)?)));
        let descriptor = match found {
            Ok((found, _)) if found != kind => {
                self.problem(self.wrong_kind(&id, found, kind, path).at(&origin));
                return None;
            }
            Ok((_, descriptor)) => descriptor,
            Err(error) => {
                self.problem(of_plugin(&error, kind).at(&origin));
                return None;
            }
        };
        let of = format!(" of {} `{id}`", kind.name());
        self.checked.entries.push(plugin_entry(path, &id, &origin));
        let config = check_table(&descriptor.config_schema, table, path, (&of, &["plugin"]), &mut self.checked);
        self.check_license(&format!("{} `{id}`", kind.name()), &descriptor.license, &origin);
        let weights = self.weights(&descriptor, &config, path, &origin);
        let device = self.device.of_stage(&descriptor).unwrap_or_else(|problem| {
            self.problem(problem.at(&origin));
            Device::Cpu
        });
        Some(Draft { path: path.to_owned(), origin, descriptor, config, weights, device })
    }

    fn plugin_id(&mut self, table: Option<&Written>, path: &str, kind: StageKind) -> Option<(String, Origin)> {
        let plugin = table.and_then(|table| table.get("plugin"));
        if let Some(Written { node: Node::Scalar(Value::String(id)), value, .. }) = plugin {
            return Some((id.clone(), value.clone()));
        }
        let known: Vec<&str> = self.registry.ids_of_kind(kind).collect();
        let help = format!("{}s there are: {}", kind.name(), known.join(", "));
        let message = match plugin {
            Some(_) => format!("`{path}.plugin`: expected text"),
            None => format!("`{path}.plugin` is missing: which {} is to be used?", kind.name()),
        };
        let problem = Problem::new(ErrorCode::INVALID_CONFIG, message).help(help);
        let origin = plugin.or(table).map(|written| written.value.clone());
        self.problem(Problem { origin, ..problem });
        None
    }

    fn wrong_kind(&self, id: &str, found: StageKind, kind: StageKind, path: &str) -> Problem {
        let message = format!("`{path}.plugin`: expected {}, got the {} `{id}`", a(kind), found.name());
        let known: Vec<&str> = self.registry.ids_of_kind(kind).collect();
        let help = format!("{}s there are: {}", kind.name(), known.join(", "));
        Problem::new(ErrorCode::INCOMPATIBLE, message).help(help)
    }

    fn check_license(&mut self, what: &str, id: &str, origin: &Origin) {
        if !license::is_allowed(id, &self.allowed) {
            let mut allowed = self.allowed.clone();
            allowed.push(id.to_owned());
            let message = format!("{what} has licence `{id}`, which is not permissive");
            let help = format!("if you may use it, write allow_licenses = {allowed:?} under [pipeline]");
            self.problem(Problem::new(ErrorCode::INCOMPATIBLE, message).at(origin).help(help));
        }
    }

    fn weights(&mut self, descriptor: &Descriptor, config: &Value, path: &str, origin: &Origin) -> Vec<WeightFile> {
        let mut files = Vec::new();
        for spec in weights::needed(descriptor, config) {
            if spec.when.as_ref().is_some_and(|condition| self.is_wrong(path, &condition.key)) {
                continue; // which weights were meant can't be told
            }
            self.check_license(&format!("weights `{}`", spec.name), &spec.license, origin);
            match weights::find(spec, self.weights_dirs, self.registry.cache()) {
                Ok(file) => files.push(file),
                Err(problem) => self.problem(problem.at(origin)),
            }
        }
        files
    }

    fn is_wrong(&self, path: &str, key: &str) -> bool {
        self.checked.wrong.contains(&format!("{path}.{key}"))
    }

    /// The family the extractor emits, which the matcher must understand.
    fn family(&mut self, extractor: Option<&Draft>, matcher: Option<&Draft>) -> Option<String> {
        let extractor = extractor?;
        let template = extractor.descriptor.emits_family.as_deref()?;
        if family::template_keys(template).any(|key| self.is_wrong(&extractor.path, key)) {
            return None;
        }
        let emitted = family::emitted(template, &extractor.config);
        if let Some(matcher) = matcher.filter(|matcher| !family::accepts(&matcher.descriptor, &emitted)) {
            let problem = self.family_mismatch(&extractor.descriptor, &matcher.descriptor, &emitted);
            self.problem(problem.at(&matcher.origin));
        }
        Some(emitted)
    }

    fn family_mismatch(&self, extractor: &Descriptor, matcher: &Descriptor, emitted: &str) -> Problem {
        let accepted = matcher.accepts_families.join(", ");
        let (matcher_id, extractor_id) = (&matcher.id, &extractor.id);
        let message = format!(
            "matcher `{matcher_id}` accepts families [{accepted}], extractor `{extractor_id}` emits `{emitted}`"
        );
        let others: Vec<&str> = self
            .registry
            .ids_of_kind(StageKind::Matcher)
            .filter(|id| self.registry.descriptor(id).is_ok_and(|descriptor| family::accepts(&descriptor, emitted)))
            .collect();
        let problem = Problem::new(ErrorCode::INCOMPATIBLE, message);
        if others.is_empty() {
            problem
        } else {
            problem.help(format!("matchers that accept it: {}", others.join(", ")))
        }
    }
}

fn a(kind: StageKind) -> &'static str {
    match kind {
        StageKind::Extractor => "an extractor",
        StageKind::Matcher => "a matcher",
        StageKind::Mapper => "a mapper",
    }
}

/// An extractor whose keypoints nobody would match.
fn superfluous(path: &str, matcher: &Draft) -> Problem {
    let id = &matcher.descriptor.id;
    let message =
        format!("`{path}`: matcher `{id}` finds correspondences anywhere with this config and uses no keypoints");
    let help = "leave the extractor out, or set the matcher up to match its keypoints";
    Problem::new(ErrorCode::INVALID_CONFIG, message).help(help)
}

fn of_plugin(error: &PluginError, kind: StageKind) -> Problem {
    let message = format!("{} `{}`: {}", kind.name(), error.plugin, error.message);
    Problem::new(error.code, message).help(error.help.clone())
}

fn plugin_entry(path: &str, id: &str, origin: &Origin) -> Entry {
    Entry {
        path: format!("{path}.plugin"),
        value: id.into(),
        origin: origin.clone(),
        doc: "Which plugin does this stage.".to_owned(),
        unit: String::new(),
    }
}

impl FeaturesDraft {
    fn config(&self) -> FeaturesConfig {
        FeaturesConfig {
            extractor: self.extractor.as_ref().map(Draft::stage_config),
            matcher: self.matcher.stage_config(),
        }
    }

    fn into_plan(self) -> FeaturesPlan {
        let family = self.family;
        let extractor = self.extractor.map(|extractor| StagePlan { family, ..extractor.into_plan() });
        FeaturesPlan { extractor, matcher: self.matcher.into_plan() }
    }
}

impl Draft {
    fn finds_correspondences(&self) -> bool {
        finds_correspondences(&self.descriptor, &self.config)
    }

    fn stage_config(&self) -> StageConfig {
        StageConfig { plugin: self.descriptor.id.clone(), config: self.config.clone() }
    }

    fn into_plan(self) -> StagePlan {
        let key = self.descriptor.max_long_side_key.as_ref();
        let max_long_side_px = key.and_then(|key| self.config.get(key)).and_then(Value::as_u64);
        StagePlan {
            max_long_side_px: max_long_side_px.filter(|px| *px > 0).and_then(|px| px.try_into().ok()),
            descriptor: self.descriptor,
            config: self.config,
            weights: self.weights,
            device: self.device,
            family: None,
        }
    }
}
