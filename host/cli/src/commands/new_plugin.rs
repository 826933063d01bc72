//! `scene3d plugin new`: a crate that builds, passes `validate`, and is yours to change.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};

use crate::args::PluginKind;
use crate::exit::EXIT_SUCCESS;

const EXTRACTOR: &str = include_str!("../../templates/extractor.rs");
const MATCHER: &str = include_str!("../../templates/matcher.rs");
const MAPPER: &str = include_str!("../../templates/mapper.rs");

/// Writes the crate and says how to build and check it.
pub fn run(name: &str, kind: PluginKind, folder: Option<PathBuf>) -> Result<u8> {
    let is_plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    let is_good = name.starts_with(|c: char| c.is_ascii_lowercase()) && name.chars().all(is_plain);
    ensure!(
        is_good,
        "`{name}` can't be a plugin's id; expected lower-case letters, digits and hyphens, a letter first"
    );
    let folder = folder.unwrap_or_else(|| PathBuf::from(name));
    ensure!(!folder.exists(), "{} exists already; choose another with --folder", folder.display());
    let sdk = sdk_folder()
        .context("the SDK was not found; run this in a checkout of scene3d, or set SCENE3D_CHECKOUT to one")?;
    let (kind_name, code) = match kind {
        PluginKind::Extractor => ("extractor", EXTRACTOR),
        PluginKind::Matcher => ("matcher", MATCHER),
        PluginKind::Mapper => ("mapper", MAPPER),
    };
    let library = format!("scene3d_{}", name.replace('-', "_"));
    write(&folder.join("src/lib.rs"), &code.replace("{{name}}", name))?;
    write(&folder.join("Cargo.toml"), &cargo_toml(name, &sdk))?;
    write(&folder.join("plugin.toml"), &manifest(name, kind_name, &library))?;
    println!("wrote {}; next:", folder.display());
    println!("  cd {}", folder.display());
    println!("  cargo build --release --features export");
    println!("  mkdir -p plugins/{name} && cp plugin.toml target/release/{} plugins/{name}/", file_name(&library));
    println!("  scene3d plugin validate plugins/{name}");
    println!("use it with plugin_dirs = [\"{}/plugins\"] under [pipeline] of a config", folder.display());
    Ok(EXIT_SUCCESS)
}

fn file_name(library: &str) -> String {
    format!("{}{library}{}", std::env::consts::DLL_PREFIX, std::env::consts::DLL_SUFFIX)
}

/// `core/sdk` of the checkout named by the environment, around the working folder, or around this program.
fn sdk_folder() -> Option<PathBuf> {
    let named = std::env::var_os("SCENE3D_CHECKOUT").map(PathBuf::from);
    let starts = [named, std::env::current_dir().ok(), std::env::current_exe().ok()];
    let sdk_above = |start: &Path| {
        let candidates = start.ancestors().map(|folder| folder.join("core/sdk"));
        candidates.into_iter().find(|sdk| sdk.join("Cargo.toml").is_file())
    };
    starts.into_iter().flatten().find_map(|start| sdk_above(&start)).and_then(|sdk| sdk.canonicalize().ok())
}

fn cargo_toml(name: &str, sdk: &Path) -> String {
    format!(
        r#"[package]
name = "scene3d-{name}"
version = "0.1.0"
edition = "2024"
publish = false

[lib]
crate-type = ["cdylib", "rlib"]

[features]
export = []

[dependencies]
schemars = "1.2"
scene3d-sdk = {{ path = {sdk:?} }}
serde = {{ version = "1", features = ["derive"] }}

[profile.release]
panic = "unwind"

[workspace]
"#,
        sdk = sdk.display().to_string()
    )
}

fn manifest(name: &str, kind: &str, library: &str) -> String {
    format!(
        r#"id = "{name}"
kind = "{kind}"
version = "0.1.0"
license = "Apache-2.0"
min_abi = "1.0"

[library]
linux = "lib{library}.so"
macos = "lib{library}.dylib"
windows = "{library}.dll"
"#
    )
}

fn write(path: &Path, text: &str) -> Result<()> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).with_context(|| format!("can't make {}", folder.display()))?;
    }
    fs::write(path, text).with_context(|| format!("can't write {}", path.display()))
}
