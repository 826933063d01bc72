//! The only place that opens plugin libraries. They are never closed again, not even at the end of the process.

use std::io::Write;
use std::path::Path;

use abi_stable::library::{LibraryError, RootModuleError, lib_header_from_path};
use scene3d_abi::{ABI_VERSION, Descriptor, ErrorCode, PluginModRef};

use crate::discovery::Found;
use crate::error::PluginError;
use crate::manifest::check_abi;

/// Opens the library of a plugin whose manifest fits this host, and checks that it is what the manifest says.
///
/// # Errors
/// `INCOMPATIBLE` for another ABI, libtorch, id, kind or version; `UNAVAILABLE` if the library can't be opened; `INTERNAL`
/// for a descriptor that can't be read.
pub fn load(found: &Found) -> Result<(PluginModRef, Descriptor), PluginError> {
    found.manifest.check_host()?;
    let id = &found.manifest.id;
    let library = found.library();
    let failed = |error: std::io::Error| {
        PluginError::new(id, "load", ErrorCode::UNAVAILABLE, format!("{}: {error}", library.display()))
    };
    let module = open(id, &library.canonicalize().map_err(failed)?)?;
    let descriptor = load_static_as(id, module)?;
    let Found { manifest, .. } = found;
    let declared = (&manifest.id, manifest.kind, &manifest.version, &manifest.license);
    let got = (&descriptor.id, descriptor.kind, &descriptor.version, &descriptor.license);
    if declared != got {
        let words = |(id, kind, version, license): (&String, scene3d_abi::StageKind, &String, &String)| {
            format!("{} `{id}` {version} ({license})", kind.name())
        };
        let message = format!("its manifest says {}, its library says {}", words(declared), words(got));
        let error = PluginError::new(id, "load", ErrorCode::INCOMPATIBLE, message);
        return Err(error.help("the plugin.toml belongs to another build of the library: install both together"));
    }
    Ok((module, descriptor))
}

/// Checks a plugin that is linked statically, as if it had been loaded.
///
/// # Errors
/// `INCOMPATIBLE` for another ABI; `INTERNAL` for a descriptor that can't be read.
pub fn load_static(module: PluginModRef) -> Result<(PluginModRef, Descriptor), PluginError> {
    load_static_as("(static)", module).map(|descriptor| (module, descriptor))
}

/// Ends the process without the exit handlers of the libraries: libtorch's take a quarter of a second to give back what
/// the system takes back anyhow. Everything written must have been flushed, but for stdout, which is flushed here.
#[allow(unsafe_code)] // one call, see SAFETY
pub fn exit(code: u8) -> ! {
    let _ = std::io::stdout().flush();
    #[cfg(unix)]
    // SAFETY: `_exit` may be called at any time, from any thread.
    unsafe {
        libc::_exit(i32::from(code))
    }
    #[cfg(not(unix))]
    std::process::exit(i32::from(code))
}

fn load_static_as(id: &str, module: PluginModRef) -> Result<Descriptor, PluginError> {
    check_abi(id, module.abi(), ABI_VERSION)?;
    let text = module.descriptor()();
    serde_json::from_str(text.as_str()).map_err(|error| {
        let message = format!("its descriptor can't be read: {error}");
        PluginError::new(id, "load", ErrorCode::INTERNAL, message).help("this is a bug of the plugin")
    })
}

/// Not `RootModule::load_from_file`: that is one module per type for the whole process, so a second plugin would be
/// answered with the first (abi_stable issue 92).
fn open(id: &str, library: &Path) -> Result<PluginModRef, PluginError> {
    let header = lib_header_from_path(library).map_err(|error| refused(id, library, &error))?;
    header.init_root_module::<PluginModRef>().map_err(|error| refused(id, library, &error))
}

fn refused(id: &str, library: &Path, error: &LibraryError) -> PluginError {
    let library = library.display();
    let (code, message, help) = match error {
        LibraryError::OpenError { err, .. } => {
            let help = "it is no library for this machine, or a library it links to is missing: see `ldd` of it";
            (ErrorCode::UNAVAILABLE, format!("{library} can't be opened: {err}"), help)
        }
        LibraryError::GetSymbolError { .. } => {
            let help = "build the plugin with its feature `export`";
            (ErrorCode::INCOMPATIBLE, format!("{library} is a library but no scene3d plugin"), help)
        }
        LibraryError::RootModule { err: RootModuleError::Unwound, .. } => {
            (ErrorCode::PANICKED, format!("{library} panicked while it was loaded"), "this is a bug of the plugin")
        }
        other => {
            let reason = first_lines(&other.to_string());
            let help = "rebuild the plugin with this host's SDK";
            (ErrorCode::INCOMPATIBLE, format!("{library} was built for another plugin ABI: {reason}"), help)
        }
    };
    PluginError::new(id, "load", code, message).help(help)
}

/// abi_stable explains a layout over pages; the first lines say what differs.
fn first_lines(text: &str) -> String {
    text.lines().map(str::trim).filter(|line| !line.is_empty()).take(4).collect::<Vec<_>>().join(" ")
}
