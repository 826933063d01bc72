//! NVRTC, the run-time compiler of CUDA, opened as a library: of the eleven functions that a compilation needs.
#![allow(unsafe_code)] // calls into libnvrtc

use std::ffi::{CStr, CString, c_char, c_int, c_void};
use std::path::Path;
use std::ptr::null_mut;

use libloading::os::unix::{Library, RTLD_GLOBAL, RTLD_NOW, Symbol};

use crate::targets::Target;

/// The compiler of CUDA 13.
pub const LIBRARY: &str = "libnvrtc.so.13";
/// Looked for by name when a compilation begins: it is found where it was opened before.
const BUILTINS: &str = "libnvrtc-builtins.so.13.0";

/// No contraction to fused multiply-adds: the twin on the CPU gives the same bits. The assembler reports registers.
const OPTIONS: &[&str] = &["--fmad=false", "--std=c++17", "--ptxas-options=-v"];

type Program = *mut c_void;
type Failure = String;
type GetSize = unsafe extern "C" fn(Program, *mut usize) -> c_int;
type GetBytes = unsafe extern "C" fn(Program, *mut c_char) -> c_int;

/// The open compiler.
pub struct Nvrtc {
    library: Library,
}

/// A file with what it includes.
#[derive(Debug, Clone, Copy)]
pub struct Source<'a> {
    /// Name in messages.
    pub file: &'a str,
    /// Its text.
    pub text: &'a str,
    /// Names and texts.
    pub headers: &'a [(&'a str, String)],
}

/// A device's code.
#[derive(Debug)]
pub struct Compiled {
    /// Machine code, or PTX with its final zero.
    pub image: Vec<u8>,
    /// Warnings, registers and spills.
    pub log: String,
}

impl Nvrtc {
    /// From the folder of CUDA's libraries.
    pub fn open(folder: &Path) -> Result<Self, Failure> {
        let open = |file: &str| {
            let path = folder.join(file);
            // SAFETY: NVIDIA's libraries run nothing of ours when they are opened.
            let opened = unsafe { Library::open(Some(&path), RTLD_NOW | RTLD_GLOBAL) };
            opened.map_err(|error| format!("cannot open {}: {error}", path.display()))
        };
        std::mem::forget(open(BUILTINS)?); // stays open as long as the process
        Ok(Self { library: open(LIBRARY)? })
    }

    /// Compiles one file; the error is the compiler's log.
    pub fn compile(&self, source: &Source<'_>, target: Target) -> Result<Compiled, Failure> {
        let program = self.program(source)?;
        let options = OPTIONS.iter().map(|option| (*option).to_owned());
        let options = options.chain([format!("--gpu-architecture={}", target.architecture())]);
        let options = options.map(|option| text(&option)).collect::<Result<Vec<_>, _>>()?;
        let pointers: Vec<*const c_char> = options.iter().map(|option| option.as_ptr()).collect();
        // SAFETY: nvrtcCompileProgram(nvrtcProgram, int, const char* const*), as nvrtc.h declares it.
        let status = unsafe {
            let compile: Symbol<unsafe extern "C" fn(Program, c_int, *const *const c_char) -> c_int> =
                self.function("nvrtcCompileProgram")?;
            compile(program.0, pointers.len() as c_int, pointers.as_ptr())
        };
        let log = self.bytes(&program, "nvrtcGetProgramLogSize", "nvrtcGetProgramLog")?;
        let log = String::from_utf8_lossy(&log).trim_end_matches('\0').trim().to_owned();
        if status != 0 {
            return Err(format!("{} does not compile for {}:\n{log}", source.file, target.architecture()));
        }
        let (size, get) = if target.is_portable {
            ("nvrtcGetPTXSize", "nvrtcGetPTX")
        } else {
            ("nvrtcGetCUBINSize", "nvrtcGetCUBIN")
        };
        Ok(Compiled { image: self.bytes(&program, size, get)?, log })
    }

    fn program(&self, source: &Source<'_>) -> Result<OwnedProgram<'_>, Failure> {
        let (code, file) = (text(source.text)?, text(source.file)?);
        let names = source.headers.iter().map(|(name, _)| text(name)).collect::<Result<Vec<_>, _>>()?;
        let texts = source.headers.iter().map(|(_, header)| text(header)).collect::<Result<Vec<_>, _>>()?;
        let pointers = |strings: &[CString]| strings.iter().map(|string| string.as_ptr()).collect::<Vec<_>>();
        let (name_pointers, text_pointers) = (pointers(&names), pointers(&texts));
        let mut program = null_mut();
        type Create = unsafe extern "C" fn(
            *mut Program,
            *const c_char,
            *const c_char,
            c_int,
            *const *const c_char,
            *const *const c_char,
        ) -> c_int;
        // SAFETY: nvrtcCreateProgram as nvrtc.h declares it; it copies the strings, which live until it returns.
        let status = unsafe {
            let create: Symbol<Create> = self.function("nvrtcCreateProgram")?;
            let (headers, names) = (text_pointers.as_ptr(), name_pointers.as_ptr());
            create(&mut program, code.as_ptr(), file.as_ptr(), text_pointers.len() as c_int, headers, names)
        };
        self.check(status, "nvrtcCreateProgram")?;
        Ok(OwnedProgram(program, self))
    }

    fn bytes(&self, program: &OwnedProgram<'_>, size_of: &str, get: &str) -> Result<Vec<u8>, Failure> {
        let mut num_bytes = 0;
        // SAFETY: the pairs of functions that this is called with have these types; the buffer is as large as asked for.
        unsafe {
            let status = self.function::<GetSize>(size_of)?(program.0, &mut num_bytes);
            self.check(status, size_of)?;
            let mut bytes = vec![0_u8; num_bytes];
            let status = self.function::<GetBytes>(get)?(program.0, bytes.as_mut_ptr().cast());
            self.check(status, get)?;
            Ok(bytes)
        }
    }

    fn check(&self, status: c_int, function: &str) -> Result<(), Failure> {
        if status == 0 {
            return Ok(());
        }
        // SAFETY: nvrtcGetErrorString(nvrtcResult) returns a static string.
        let reason = unsafe {
            let message: Symbol<unsafe extern "C" fn(c_int) -> *const c_char> = self.function("nvrtcGetErrorString")?;
            CStr::from_ptr(message(status)).to_string_lossy()
        };
        Err(format!("{function} failed: {reason}"))
    }

    /// # Safety
    /// `T` is the function's type.
    unsafe fn function<T>(&self, name: &str) -> Result<Symbol<T>, Failure> {
        // SAFETY: as the caller promises.
        unsafe { self.library.get(name.as_bytes()) }.map_err(|error| format!("{LIBRARY} lacks {name}: {error}"))
    }
}

struct OwnedProgram<'a>(Program, &'a Nvrtc);

impl Drop for OwnedProgram<'_> {
    fn drop(&mut self) {
        // SAFETY: nvrtcDestroyProgram(nvrtcProgram*) on a program that was created and is used no more.
        unsafe {
            if let Ok(destroy) = self.1.function::<unsafe extern "C" fn(*mut Program) -> c_int>("nvrtcDestroyProgram") {
                destroy(&mut self.0);
            }
        }
    }
}

fn text(string: &str) -> Result<CString, Failure> {
    CString::new(string).map_err(|_| "a kernel's source has a zero byte".to_owned())
}
