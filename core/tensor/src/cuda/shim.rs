//! The shim's functions, found in it once it is open.
#![allow(unsafe_code)] // opens libraries, and declares what they export

use std::ffi::{CStr, c_char, c_int, c_uint, c_void};
use std::sync::OnceLock;

use crate::TensorError;

macro_rules! shim {
    ($($name:ident: fn($($argument:ty),*) $(-> $result:ty)?;)*) => {
        /// Functions `scene3d_cuda_*` of `cuda_shim.cpp`.
        pub(super) struct Shim {
            $(pub $name: unsafe extern "C" fn($($argument),*) $(-> $result)?,)*
        }

        #[cfg(cuda_shim)]
        impl Shim {
            /// # Safety
            /// The library is the shim that this crate's build made.
            unsafe fn of(library: &libloading::Library) -> Result<Self, libloading::Error> {
                // SAFETY: the types are those of the shim's functions
                unsafe { Ok(Self { $($name: *library.get(concat!("scene3d_cuda_", stringify!($name), "\0").as_bytes())?,)* }) }
            }
        }
    };
}

shim! {
    last_error: fn() -> *const c_char;
    capability: fn(c_int) -> c_int;
    library_load: fn(*const c_void) -> *mut c_void;
    library_unload: fn(*mut c_void) -> c_int;
    kernel: fn(*mut c_void, *const c_char) -> *mut c_void;
    launch: fn(*mut c_void, c_int, *const c_uint, c_uint, *mut *mut c_void) -> c_int;
    stream_new: fn(c_int) -> *mut c_void;
    stream_free: fn(*mut c_void);
    stream_enter: fn(*const c_void) -> *mut c_void;
    stream_synchronize: fn(*const c_void) -> c_int;
    record_stream: fn(*const c_void, *const c_void) -> c_int;
    event_new: fn(c_int, c_int) -> *mut c_void;
    event_free: fn(*mut c_void);
    event_record: fn(*const c_void) -> c_int;
    event_wait: fn(*const c_void) -> c_int;
    event_synchronize: fn(*const c_void) -> c_int;
    event_elapsed: fn(*const c_void, *const c_void, *mut f32) -> c_int;
    graph_new: fn() -> *mut c_void;
    graph_free: fn(*mut c_void);
    graph_begin: fn(*mut c_void) -> c_int;
    graph_end: fn(*mut c_void) -> c_int;
    graph_replay: fn(*mut c_void) -> c_int;
}

impl Shim {
    /// What the last failing call on this thread says.
    pub fn last_error(&self) -> TensorError {
        // SAFETY: the shim returns a NUL-terminated thread-local buffer.
        let message = unsafe { CStr::from_ptr((self.last_error)()) };
        TensorError::Torch(message.to_string_lossy().lines().next().unwrap_or_default().to_owned())
    }

    /// Of a call that returns 0 or -1.
    pub fn check(&self, status: c_int) -> Result<(), TensorError> {
        if status == 0 { Ok(()) } else { Err(self.last_error()) }
    }

    /// Of a call that returns null or something owned.
    pub fn not_null(&self, pointer: *mut c_void) -> Result<*mut c_void, TensorError> {
        if pointer.is_null() { Err(self.last_error()) } else { Ok(pointer) }
    }
}

/// Opened once; a failure stays.
pub(super) fn shim() -> Result<&'static Shim, TensorError> {
    static SHIM: OnceLock<Result<Shim, String>> = OnceLock::new();
    SHIM.get_or_init(open).as_ref().map_err(|reason| TensorError::NoCuda(reason.clone()))
}

#[cfg(not(cuda_shim))]
fn open() -> Result<Shim, String> {
    Err("built without CUDA's headers: run `cargo xtask kernels` and build again".to_owned())
}

#[cfg(cuda_shim)]
fn open() -> Result<Shim, String> {
    use libloading::os::unix::{Library, RTLD_GLOBAL, RTLD_LOCAL, RTLD_NOW};
    use std::io::Write;
    use std::os::fd::{AsRawFd, FromRawFd};

    static IMAGE: &[u8] = include_bytes!(env!("SCENE3D_CUDA_SHIM"));
    let said = |what: &str| {
        let what = what.to_owned();
        move |error: libloading::Error| format!("{what}: {error}")
    };
    // SAFETY: libtorch's library registers its kernels when it is opened, as torch itself opens it; the shim runs nothing
    // when it is opened, and its functions have the types above. Neither is ever closed.
    unsafe {
        let torch = Library::open(Some("libtorch_cuda.so"), RTLD_NOW | RTLD_GLOBAL);
        std::mem::forget(torch.map_err(said("can't open libtorch_cuda.so"))?);
        let descriptor = libc::memfd_create(c"scene3d_cuda_shim".as_ptr(), libc::MFD_CLOEXEC);
        if descriptor < 0 {
            return Err(format!("can't make a file in memory: {}", std::io::Error::last_os_error()));
        }
        let mut file = std::fs::File::from_raw_fd(descriptor);
        file.write_all(IMAGE).map_err(|error| format!("can't write a file in memory: {error}"))?;
        let path = format!("/proc/self/fd/{}", file.as_raw_fd());
        let library = Library::open(Some(&path), RTLD_NOW | RTLD_LOCAL).map_err(said("can't open the shim"))?;
        let library = libloading::Library::from(library);
        let shim = Shim::of(&library).map_err(said("the shim is incomplete"))?;
        std::mem::forget(library);
        Ok(shim)
    }
}

#[cfg(cuda_shim)]
#[cfg(test)]
mod tests {
    use std::collections::HashSet;
    use std::process::Command;

    /// Names in a library's dynamic symbol table, with the versions that the system's libraries give theirs.
    fn symbols(library: &str, which: &str) -> Vec<String> {
        let output = Command::new("nm").args(["--dynamic", which, library]).output().unwrap();
        assert!(output.status.success(), "{library}: {}", String::from_utf8_lossy(&output.stderr));
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let strong = text.lines().filter(|line| !line.contains(" w "));
        strong.filter_map(|line| line.split_whitespace().last().map(str::to_owned)).collect()
    }

    fn without_version(symbol: &str) -> &str {
        symbol.split('@').next().unwrap_or_default()
    }

    /// What the shim lacks is in the libraries that are there without CUDA, or of the two that come with it.
    #[test]
    fn the_shim_lacks_nothing_that_torch_and_the_runtime_do_not_have() {
        let torch = env!("LIBTORCH");
        let libraries = [
            format!("{torch}/lib/libc10.so"),
            format!("{torch}/lib/libtorch_cpu.so"),
            format!("{torch}/../nvidia/cu13/lib/libcudart.so.13"),
        ];
        let defined: Vec<String> = libraries.iter().flat_map(|library| symbols(library, "--defined-only")).collect();
        let there: HashSet<&str> = defined.iter().map(|symbol| without_version(symbol)).collect();
        let lacking = symbols(env!("SCENE3D_CUDA_SHIM"), "--undefined-only");
        assert!(lacking.iter().any(|symbol| without_version(symbol) == "cudaLibraryLoadData"), "{lacking:?}");
        // mangled: at::cuda in libtorch_cuda.so, c10::cuda in libc10_cuda.so
        let is_of_cuda = |symbol: &str| ["2at4cuda", "3c104cuda"].iter().any(|scope| symbol.contains(scope));
        let is_of_system = |symbol: &str| ["@GLIBC", "@CXXABI", "@GCC"].iter().any(|version| symbol.contains(version));
        let known =
            |symbol: &str| there.contains(without_version(symbol)) || is_of_cuda(symbol) || is_of_system(symbol);
        let unknown: Vec<&String> = lacking.iter().filter(|symbol| !known(symbol)).collect();
        assert!(unknown.is_empty(), "{unknown:?}");
    }
}
