//! `bench.html`: the figures as plots, one self-contained page.

use anyhow::Result;
use scene3d_export::{Page, write_page};
use serde_json::Value;

use super::JSON_NAME;

const SCRIPTS: [&str; 2] = [include_str!("plots.js"), include_str!("page.js")];

/// The page of what `bench.json` holds.
pub fn html(report: &Value) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    write_page(&Page { title: "scene3d bench", json_name: JSON_NAME, data: report, scripts: &SCRIPTS }, &mut bytes)?;
    Ok(bytes)
}
