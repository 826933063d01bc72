//! Configs: those that jobs may name, and the check of one before a job is made of it.

use std::sync::Arc;

use axum::extract::State;
use scene3d_engine::{Negotiated, Problems, StagePlan};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::http::blocking::blocking;
use crate::http::extract::Json;
use crate::http::problem::{PROBLEM_JSON, ProblemBody};
use crate::http::{App, Caller, Problem};
use crate::named_configs::{named_config, named_configs};
use crate::scope::Scope;
use crate::user_config::{UserConfig, negotiate_user_config, user_errors};

/// Routes of this file.
pub fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(check))
}

/// Which config.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(untagged)]
pub enum ConfigChoice {
    /// One of GET /configs.
    #[schema(title = "Named")]
    Named {
        /// Its name, e.g. `aliked+lightglue`.
        #[schema(max_length = 200)]
        config: String,
    },
    /// One that is sent.
    #[schema(title = "Sent")]
    Sent {
        /// The whole config as TOML.
        #[schema(max_length = 100_000)]
        toml: String,
    },
}

impl ConfigChoice {
    /// The config itself; reads files, so it may block.
    ///
    /// # Errors
    /// 422 `no_such_config` if it names none.
    pub fn resolve(self, app: &App) -> Result<UserConfig, Problem> {
        match self {
            Self::Sent { toml } => Ok(UserConfig::sent(toml)),
            Self::Named { config } => {
                let found = named_config(&app.config.jobs.config_dirs, &app.plugins, &config);
                found.ok_or_else(|| {
                    Problem::invalid("no_such_config", format!("there is no config of the name {config:?}"))
                        .help("GET /api/v1/configs lists those that there are")
                })
            }
        }
    }
}

/// A config that jobs may name.
#[derive(Debug, Serialize, ToSchema)]
pub struct NamedConfig {
    /// For POST /jobs.
    name: String,
    /// The config.
    toml: String,
    /// Plugins that it names: of each entry of `[[features]]`, then the mapper.
    stages: Vec<NamedStage>,
}

/// A stage of a config as it is written.
#[derive(Debug, Serialize, ToSchema)]
pub struct NamedStage {
    /// `extractor`, `matcher` or `mapper`.
    kind: &'static str,
    /// Id of the plugin.
    plugin: String,
}

/// Every config that jobs may name.
#[derive(Debug, Serialize, ToSchema)]
pub struct ConfigList {
    /// By name.
    configs: Vec<NamedConfig>,
}

/// A config that holds.
#[derive(Debug, Serialize, ToSchema)]
pub struct CheckedConfig {
    /// Always true; mistakes are answered 422.
    ok: bool,
    /// Every value, defaults filled in.
    #[schema(value_type = Object)]
    config: Value,
    /// The same as TOML.
    toml: String,
    /// What it runs.
    stages: Vec<CheckedStage>,
}

/// A stage of a config that holds.
#[derive(Debug, Serialize, ToSchema)]
pub struct CheckedStage {
    /// `extractor`, `matcher` or `mapper`.
    kind: &'static str,
    /// Id of the plugin.
    plugin: String,
    /// Its version.
    version: String,
    /// Its SPDX id.
    license: String,
    /// Where it works.
    device: String,
    /// Extractors: the family of the features.
    #[serde(skip_serializing_if = "Option::is_none")]
    family: Option<String>,
    /// The weights that it loads.
    weights: Vec<CheckedWeights>,
}

/// A file of weights.
#[derive(Debug, Serialize, ToSchema)]
pub struct CheckedWeights {
    /// As the plugin names it.
    name: String,
    /// SPDX id.
    license: String,
    /// Lower-case hex.
    sha256: String,
}

/// Lists the configs that jobs may name.
#[utoipa::path(get, path = "/configs", tag = "configs", operation_id = "list_configs",
    responses((status = 200, description = "Every config.", body = ConfigList)))]
async fn list(State(app): State<Arc<App>>, caller: Caller) -> Result<Json<ConfigList>, Problem> {
    caller.require(Scope::JobsRead)?;
    let found = blocking(move || named_configs(&app.config.jobs.config_dirs, &app.plugins)).await?;
    Ok(Json(ConfigList { configs: found.into_iter().map(NamedConfig::from).collect() }))
}

/// Checks a config: every value with defaults filled in, or every mistake.
#[utoipa::path(post, path = "/configs/check", tag = "configs", operation_id = "check_config", request_body = ConfigChoice,
    responses(
        (status = 200, description = "It holds.", body = CheckedConfig),
        (status = 422, description = "It has mistakes, or the body has.", body = ProblemBody, content_type = PROBLEM_JSON),
    ))]
async fn check(
    State(app): State<Arc<App>>,
    caller: Caller,
    Json(choice): Json<ConfigChoice>,
) -> Result<Json<CheckedConfig>, Problem> {
    caller.require(Scope::JobsRead)?;
    let check = move || {
        let config = choice.resolve(&app)?;
        let negotiated = negotiate_user_config(&config, &app.plugins, &app.weights_dirs);
        negotiated.map_err(|problems| invalid_config(&app, &problems))
    };
    Ok(Json(CheckedConfig::from(blocking(check).await??)))
}

/// 422 with every mistake.
#[must_use]
pub fn invalid_config(app: &App, problems: &Problems) -> Problem {
    let errors = user_errors(problems, &app.plugins, &app.weights_dirs);
    let detail = format!("the config has {} mistake{}", errors.len(), if errors.len() == 1 { "" } else { "s" });
    Problem::invalid("invalid_config", detail).help("`errors` lists every mistake with its place").errors(errors)
}

impl From<UserConfig> for NamedConfig {
    fn from(UserConfig { name, toml }: UserConfig) -> Self {
        let written: toml::Value = toml::from_str(&toml).unwrap_or(toml::Value::Boolean(false));
        let stage = |kind: &'static str, table: Option<&toml::Value>| {
            let plugin = table.and_then(|table| table.get("plugin")).and_then(toml::Value::as_str);
            plugin.map(|plugin| NamedStage { kind, plugin: plugin.to_owned() })
        };
        let features = written.get("features").and_then(toml::Value::as_array).map(Vec::as_slice).unwrap_or_default();
        let of_entry = |entry: &toml::Value| ["extractor", "matcher"].map(|kind| stage(kind, entry.get(kind)));
        let stages = features.iter().flat_map(of_entry).chain([stage("mapper", written.get("mapper"))]);
        let stages = stages.flatten().collect();
        Self { name, toml, stages }
    }
}

impl From<Negotiated> for CheckedConfig {
    fn from(negotiated: Negotiated) -> Self {
        let stages = negotiated.stages().map(CheckedStage::from).collect();
        Self { ok: true, config: negotiated.config.to_json(), toml: negotiated.config.to_toml(), stages }
    }
}

impl From<&StagePlan> for CheckedStage {
    fn from(plan: &StagePlan) -> Self {
        let descriptor = &plan.descriptor;
        let weights = plan.weights.iter().map(|weight| CheckedWeights {
            name: weight.name.clone(),
            license: weight.license.clone(),
            sha256: weight.sha256.clone(),
        });
        Self {
            kind: plan.kind().name(),
            plugin: descriptor.id.clone(),
            version: descriptor.version.clone(),
            license: descriptor.license.clone(),
            device: plan.device.to_string(),
            family: plan.family.clone(),
            weights: weights.collect(),
        }
    }
}
