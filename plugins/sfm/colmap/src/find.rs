//! Where the engines are.

use std::env;
use std::path::{Path, PathBuf};

use scene3d_sdk::{Result, SdkError};

/// Environment variable that names a Python with pycolmap.
pub(crate) const PYTHON_VARIABLE: &str = "SCENE3D_PYCOLMAP_PYTHON";

#[cfg(windows)]
const VENV_PYTHON: &str = "Scripts/python.exe";
#[cfg(not(windows))]
const VENV_PYTHON: &str = "bin/python";
#[cfg(windows)]
const COLMAP: &str = "colmap.exe";
#[cfg(not(windows))]
const COLMAP: &str = "colmap";

/// Python with pycolmap: the configured one, the environment's, a checkout's, the user's.
///
/// # Errors
/// `UNAVAILABLE` if the configured one or the environment's does not exist; it would be wrong to use another.
pub(crate) fn python(configured: &str) -> Result<Option<PathBuf>> {
    let variable = env::var(PYTHON_VARIABLE).unwrap_or_default();
    for (named_by, python) in [("config key `python`", configured), (PYTHON_VARIABLE, variable.as_str())] {
        if !python.is_empty() {
            return named(named_by, Path::new(python)).map(Some);
        }
    }
    Ok(venvs().into_iter().map(|venv| venv.join(VENV_PYTHON)).find(|python| python.is_file()))
}

/// The program `colmap`: the configured one, else the first on PATH.
///
/// # Errors
/// `UNAVAILABLE` if the configured one does not exist.
pub(crate) fn colmap(configured: &str) -> Result<Option<PathBuf>> {
    if !configured.is_empty() {
        return named("config key `colmap`", Path::new(configured)).map(Some);
    }
    let path = env::var_os("PATH").unwrap_or_default();
    Ok(env::split_paths(&path).map(|folder| folder.join(COLMAP)).find(|program| program.is_file()))
}

/// What to do when there is no engine.
pub(crate) fn how_to_get_one() -> String {
    format!(
        "run `cargo xtask setup` in the checkout; or `python3 -m venv VENV && VENV/bin/pip install pycolmap==4.2.1` and \
         set {PYTHON_VARIABLE}=VENV/bin/python; or install colmap >= 3.8 (`apt-get install colmap`, `brew install \
         colmap`)"
    )
}

fn named(named_by: &str, program: &Path) -> Result<PathBuf> {
    if program.is_file() {
        return Ok(program.to_owned());
    }
    let message = format!("{named_by} names {}, which is no file", program.display());
    Err(SdkError::unavailable(message).help(how_to_get_one()))
}

/// `.deps/venv` of every folder above the running program, then the user's.
fn venvs() -> Vec<PathBuf> {
    let program = env::current_exe().unwrap_or_default();
    let above = program.ancestors().skip(1).map(|folder| folder.join(".deps").join("venv"));
    above.chain(user_data_folder().map(|folder| folder.join("scene3d").join("venv"))).collect()
}

fn user_data_folder() -> Option<PathBuf> {
    let from = |variable: &str| env::var_os(variable).filter(|value| !value.is_empty()).map(PathBuf::from);
    if cfg!(windows) {
        return from("LOCALAPPDATA");
    }
    let below_home = if cfg!(target_os = "macos") { "Library/Application Support" } else { ".local/share" };
    from("XDG_DATA_HOME").or_else(|| from("HOME").map(|home| home.join(below_home)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_configured_engine_that_is_not_there_is_an_error_and_no_other_is_taken() {
        let error = python("/nowhere/python").unwrap_err();
        assert_eq!(error.code, scene3d_sdk::ErrorCode::UNAVAILABLE);
        assert_eq!(error.message, "config key `python` names /nowhere/python, which is no file");
        assert!(error.help.contains("cargo xtask setup") && error.help.contains("pycolmap==4.2.1"), "{}", error.help);
        assert!(colmap("/nowhere/colmap").is_err());
    }

    #[test]
    fn a_checkouts_venv_is_looked_for_above_the_running_program() {
        let program = env::current_exe().unwrap();
        assert!(venvs().contains(&program.parent().unwrap().join(".deps").join("venv")));
        assert!(venvs().contains(&program.ancestors().nth(3).unwrap().join(".deps").join("venv")));
    }
}
