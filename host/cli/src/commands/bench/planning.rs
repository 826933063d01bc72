//! What is to be measured: the plan of each extractor, and which matchers take its features; every mistake in a name or
//! a setting is found here.

use std::path::PathBuf;

use anyhow::Result;
use scene3d_abi::{ErrorCode, StageKind};
use scene3d_engine::config::{Origin, nearest};
use scene3d_engine::{
    EngineError, Problem, Problems, RawConfig, Registry, SearchPaths, StagePlan, family, negotiate, plan_extractor,
};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::args::BenchArgs;

const DEFAULT_CONFIG: &str = "[mapper]\nplugin = \"colmap\"\n";

/// The config of one measurement, as a child process can load it again.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct BenchConfig {
    file: Option<PathBuf>,
    assignments: Vec<String>,
}

/// What is to be measured.
pub struct Plan {
    /// In the order asked for, each once.
    pub extractors: Vec<PlannedExtractor>,
    /// All matchers of the first extractor, then of the next.
    pub combinations: Vec<PlannedCombination>,
}

/// An extractor to measure.
pub struct PlannedExtractor {
    /// Its config.
    pub config: BenchConfig,
    /// What it resolves to.
    pub plan: StagePlan,
}

/// A combination to measure, if it fits.
pub struct PlannedCombination {
    /// Id of the extractor.
    pub extractor: String,
    /// Id of the matcher.
    pub matcher: String,
    /// Version of the matcher.
    pub version: String,
    /// Whether it fits.
    pub fit: Fit,
}

/// Whether a matcher takes an extractor's features.
pub enum Fit {
    /// It does.
    Fits {
        /// The config of both.
        config: BenchConfig,
        /// What the matcher's resolves to.
        matcher_config: Value,
    },
    /// It does not.
    DoesNotFit {
        /// Which it takes, and which there are.
        reason: String,
    },
}

impl BenchConfig {
    /// The config with its assignments applied.
    pub fn load(&self) -> Result<RawConfig> {
        if let Some(file) = &self.file {
            return Ok(RawConfig::load(file, &self.assignments)?);
        }
        let mut raw = RawConfig::parse(DEFAULT_CONFIG, "the default of bench").map_err(EngineError::from)?;
        raw.apply_environment(std::env::vars()).map_err(EngineError::from)?;
        let problem = |problem: Problem| EngineError::from(Problems::from(problem));
        self.assignments.iter().try_for_each(|assignment| raw.set(assignment)).map_err(problem)?;
        Ok(raw)
    }
}

impl Plan {
    /// Finds the plugins and resolves their configs.
    pub fn new(args: &BenchArgs) -> Result<Self> {
        let raw = BenchConfig { file: args.config.clone(), assignments: Vec::new() }.load()?;
        let paths = SearchPaths::new(&raw);
        let [extractors, matchers] = [&args.extractors, &args.matchers].map(|ids| distinct(ids));
        let planner = Planner { args, base: raw.to_json(), registry: Registry::discover(&paths), paths };
        planner.check(&extractors, &matchers)?;
        let extractors: Vec<_> = extractors.iter().map(|id| planner.extractor(id)).collect::<Result<_>>()?;
        let pairs = extractors.iter().flat_map(|extractor| matchers.iter().map(move |matcher| (extractor, matcher)));
        let combinations = pairs.map(|(extractor, matcher)| planner.combination(extractor, matcher));
        Ok(Self { combinations: combinations.collect::<Result<_>>()?, extractors })
    }
}

fn distinct(ids: &[String]) -> Vec<String> {
    let is_first = |(index, id): &(usize, &String)| !ids[..*index].contains(id);
    ids.iter().enumerate().filter(is_first).map(|(_, id)| id.clone()).collect()
}

struct Planner<'a> {
    args: &'a BenchArgs,
    /// The base config as it was written.
    base: Value,
    registry: Registry,
    paths: SearchPaths,
}

/// A kind of stage as `--set` and a config's `[[features]]` call it.
#[derive(Clone, Copy)]
struct Side {
    kind: StageKind,
    plural: &'static str,
}

const EXTRACTORS: Side = Side { kind: StageKind::Extractor, plural: "extractors" };
const MATCHERS: Side = Side { kind: StageKind::Matcher, plural: "matchers" };

impl Planner<'_> {
    fn check(&self, extractors: &[String], matchers: &[String]) -> Result<()> {
        let mut problems = Vec::new();
        for (side, ids) in [(EXTRACTORS, extractors), (MATCHERS, matchers)] {
            problems.extend(ids.iter().filter_map(|id| self.problem_of_id(side, id)));
            problems.extend(self.args.set.iter().filter_map(|assignment| problem_of_setting(side, ids, assignment)));
        }
        problems.extend(self.args.set.iter().filter_map(|assignment| problem_of_features(assignment)));
        if problems.is_empty() { Ok(()) } else { Err(EngineError::from(Problems(problems)).into()) }
    }

    fn problem_of_id(&self, side: Side, id: &str) -> Option<Problem> {
        let known: Vec<&str> = self.registry.ids_of_kind(side.kind).collect();
        match self.registry.kind(id) {
            Ok(found) if found == side.kind => None,
            Ok(found) => {
                let message =
                    format!("--{}: `{id}` is of kind {}, expected {}", side.plural, found.name(), side.kind.name());
                let help = format!("{} there are: {}", side.plural, known.join(", "));
                Some(Problem::new(ErrorCode::INCOMPATIBLE, message).help(help))
            }
            Err(error) => {
                let message = format!("--{}: `{id}`: {}", side.plural, error.message);
                let meant = nearest(id, known.iter().copied()).map(|name| format!("did you mean `{name}`?\n"));
                let help = format!("{}{} there are: {}", meant.unwrap_or_default(), side.plural, known.join(", "));
                Some(Problem::new(error.code, message).help(help))
            }
        }
    }

    fn extractor(&self, id: &str) -> Result<PlannedExtractor> {
        let config = self.config(&[(EXTRACTORS, id)]);
        let (plan, _) =
            plan_extractor(&config.load()?, &self.registry, &self.paths.weights).map_err(EngineError::from)?;
        Ok(PlannedExtractor { config, plan })
    }

    fn combination(&self, extractor: &PlannedExtractor, matcher: &str) -> Result<PlannedCombination> {
        let id = extractor.plan.plugin_id();
        let descriptor = self.registry.descriptor(matcher).map_err(EngineError::from)?;
        let misfit = extractor.plan.family.as_ref().filter(|family| !family::accepts(&descriptor, family));
        let fit = if let Some(family) = misfit {
            let accepted = descriptor.accepts_families.join(", ");
            Fit::DoesNotFit { reason: format!("{matcher} takes features of {accepted}, {id} gives {family}") }
        } else {
            let config = self.config(&[(EXTRACTORS, id), (MATCHERS, matcher)]);
            let raw = config.load()?;
            let negotiated = negotiate(&raw, &self.registry, &self.paths.weights).map_err(EngineError::from)?;
            let matcher_config = negotiated.features.first().map(|plan| plan.matcher.config.clone());
            Fit::Fits { config, matcher_config: matcher_config.unwrap_or_default() }
        };
        let (extractor, matcher) = (id.to_owned(), matcher.to_owned());
        Ok(PlannedCombination { extractor, matcher, version: descriptor.version.clone(), fit })
    }

    /// The base config with these plugins as its only features, with the settings that it and `--set` give them.
    fn config(&self, stages: &[(Side, &str)]) -> BenchConfig {
        let mut assignments = vec!["features=[]".to_owned()];
        for (side, id) in stages {
            let path = format!("features.0.{}", side.kind.name());
            assignments.push(format!("{path}.plugin={}", Value::from(*id)));
            let settings = self.base_settings(*side, id).into_iter().flatten().filter(|(key, _)| *key != "plugin");
            settings.for_each(|(key, value)| assign(&mut assignments, &format!("{path}.{key}"), value));
            let prefix = format!("{}.{id}.", side.plural);
            let own = self.args.set.iter().filter_map(|assignment| assignment.trim_start().strip_prefix(&prefix));
            assignments.extend(own.map(|rest| format!("{path}.{rest}")));
        }
        let is_of_host = |assignment: &&String| ![EXTRACTORS, MATCHERS].iter().any(|side| side.is_meant(assignment));
        assignments.extend(self.args.set.iter().filter(is_of_host).cloned());
        BenchConfig { file: self.args.config.clone(), assignments }
    }

    fn base_settings(&self, side: Side, id: &str) -> Option<&serde_json::Map<String, Value>> {
        let entries = self.base["features"].as_array()?;
        let stages = entries.iter().map(|entry| &entry[side.kind.name()]);
        stages.filter(|stage| stage["plugin"] == id).find_map(Value::as_object)
    }
}

impl Side {
    /// Whether an assignment sets something of a plugin of this kind.
    fn is_meant(self, assignment: &str) -> bool {
        assignment.trim_start().strip_prefix(self.plural).is_some_and(|rest| rest.starts_with('.'))
    }
}

/// As TOML, which JSON is but for tables.
fn assign(assignments: &mut Vec<String>, path: &str, value: &Value) {
    match value {
        Value::Object(entries) => {
            entries.iter().for_each(|(key, value)| assign(assignments, &format!("{path}.{key}"), value));
        }
        value => assignments.push(format!("{path}={value}")),
    }
}

/// A setting of a plugin that is not measured.
fn problem_of_setting(side: Side, ids: &[String], assignment: &str) -> Option<Problem> {
    let key = assignment.split('=').next().unwrap_or_default().trim();
    let mut segments = key.splitn(3, '.');
    if segments.next() != Some(side.plural) {
        return None;
    }
    let id = segments.next().unwrap_or_default();
    if ids.iter().any(|known| known == id) && segments.next().is_some() && assignment.contains('=') {
        return None;
    }
    let origin = Origin::Set { assignment: assignment.to_owned() };
    let message = format!("expected {}.ID.KEY=VALUE with an id of --{}", side.plural, side.plural);
    let meant = nearest(id, ids.iter().map(String::as_str)).map(|name| format!("did you mean `{name}`?\n"));
    let help = format!("{}--{} are: {}", meant.unwrap_or_default(), side.plural, ids.join(", "));
    Some(Problem::new(ErrorCode::INVALID_CONFIG, message).at(&origin).help(help))
}

fn problem_of_features(assignment: &str) -> Option<Problem> {
    let origin = Origin::Set { assignment: assignment.to_owned() };
    assignment.trim_start().starts_with("features").then(|| {
        Problem::new(ErrorCode::INVALID_CONFIG, "features are those of --extractors and --matchers")
            .at(&origin)
            .help("for example extractors.aliked.max_keypoints=1024 or matchers.nearest.ratio_threshold=0.9")
    })
}
