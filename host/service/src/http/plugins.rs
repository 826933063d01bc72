//! The plugins there are, and what each declares.

use std::sync::Arc;

use axum::extract::State;
use scene3d_engine::code_row;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::http::blocking::blocking;
use crate::http::extract::{Json, Path};
use crate::http::{App, Caller, Problem};
use crate::scope::Scope;
use crate::store::plugin_failures::PluginFailure;

/// Routes of this file.
pub fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(inspect))
}

/// Whether a plugin can be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum PluginState {
    /// It can.
    Ready,
    /// It ended its worker or panicked when it was last used; jobs may still name it.
    Failing,
    /// It does not load here.
    Unusable,
}

/// A plugin in short.
#[derive(Debug, Serialize, ToSchema)]
pub struct PluginSummary {
    /// As configs name it.
    id: String,
    /// `extractor`, `matcher` or `mapper`.
    kind: &'static str,
    /// Whether it can be used.
    state: PluginState,
    /// Code of why not.
    #[serde(skip_serializing_if = "Option::is_none")]
    problem: Option<String>,
    /// How it failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    /// Its version.
    #[serde(skip_serializing_if = "Option::is_none")]
    version: Option<String>,
    /// SPDX id.
    #[serde(skip_serializing_if = "Option::is_none")]
    license: Option<String>,
    /// What it does.
    #[serde(skip_serializing_if = "Option::is_none")]
    summary: Option<String>,
}

/// A plugin with all that it declares.
#[derive(Debug, Serialize, ToSchema)]
pub struct PluginDetail {
    /// In short.
    #[serde(flatten)]
    summary: PluginSummary,
    /// Inputs, outputs, families, devices, weights and the JSON Schema of its config; none where it does not load.
    #[schema(value_type = Option<Object>)]
    descriptor: Option<Value>,
}

/// Every plugin.
#[derive(Debug, Serialize, ToSchema)]
pub struct PluginList {
    /// By id.
    plugins: Vec<PluginSummary>,
}

/// Lists the plugins.
#[utoipa::path(get, path = "/plugins", tag = "plugins", operation_id = "list_plugins",
    responses((status = 200, description = "Every plugin.", body = PluginList)))]
async fn list(State(app): State<Arc<App>>, caller: Caller) -> Result<Json<PluginList>, Problem> {
    caller.require(Scope::JobsRead)?;
    let failures = app.store.plugin_failures().await?;
    let summaries = move || app.plugins.ids().filter_map(|id| summary(&app, id, &failures)).collect();
    Ok(Json(PluginList { plugins: blocking(summaries).await? }))
}

/// Shows what a plugin declares, the JSON Schema of its config among it.
#[utoipa::path(get, path = "/plugins/{id}", tag = "plugins", operation_id = "get_plugin",
    params(("id" = String, Path, description = "Id of the plugin.")),
    responses((status = 200, description = "The plugin.", body = PluginDetail)))]
async fn inspect(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<Json<PluginDetail>, Problem> {
    caller.require(Scope::JobsRead)?;
    let failures = app.store.plugin_failures().await?;
    let detail = move || {
        let summary = summary(&app, &id, &failures)?;
        let descriptor = app.plugins.descriptor(&id).ok();
        let descriptor = descriptor.and_then(|descriptor| serde_json::to_value(&*descriptor).ok());
        Some(PluginDetail { summary, descriptor })
    };
    blocking(detail).await?.map(Json).ok_or_else(|| Problem::not_found("plugin"))
}

/// Opens the plugin's library if nothing is known of it; `None` if there is no such plugin.
fn summary(app: &App, id: &str, failures: &[PluginFailure]) -> Option<PluginSummary> {
    let kind = app.plugins.kind(id).ok()?.name();
    let id = id.to_owned();
    Some(match app.plugins.descriptor(&id) {
        Err(error) => {
            tracing::warn!(plugin = id, error = %error, "a plugin can't be used");
            PluginSummary {
                id,
                kind,
                state: PluginState::Unusable,
                problem: Some(code_row(error.code).label.to_owned()),
                reason: None,
                version: None,
                license: None,
                summary: None,
            }
        }
        Ok(descriptor) => {
            let failure = failures.iter().find(|failure| failure.plugin == id);
            PluginSummary {
                kind,
                state: if failure.is_some() { PluginState::Failing } else { PluginState::Ready },
                problem: failure.map(|failure| failure.code.clone()),
                reason: failure.map(|failure| failure.reason.clone()),
                version: Some(descriptor.version.clone()),
                license: Some(descriptor.license.clone()),
                summary: Some(descriptor.summary.clone()),
                id,
            }
        }
    })
}
