//! The names of Python code that a weight file may mention: few of them mean something, the others stay inert.

use tch::Kind;

/// What a name means here. No name is ever looked up or called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Global {
    /// `torch._utils._rebuild_tensor_v2`
    RebuildTensor,
    /// `torch._utils._rebuild_parameter`
    RebuildParameter,
    /// Class of a typed storage.
    Storage(Kind),
    /// A harmless class: an object with fields.
    Inert,
}

/// The meaning of `module.name`.
///
/// Names that training code is known to leave in checkpoints are inert. Any other is refused: what it would do
/// elsewhere is none of a weight file's business.
pub(crate) fn global_of(module: &str, name: &str) -> Result<Global, String> {
    let global = match (module, name) {
        ("torch._utils", "_rebuild_tensor_v2") => Global::RebuildTensor,
        ("torch._utils", "_rebuild_parameter") => Global::RebuildParameter,
        ("torch", name) if name.ends_with("Storage") => Global::Storage(kind_of(name)?),
        ("torch", name) if DTYPES.contains(&name) => Global::Inert,
        _ if INERT.contains(&(module, name)) => Global::Inert,
        _ => {
            let name: String = format!("{module}.{name}").chars().take(MAX_SHOWN_CHARS).collect();
            return Err(format!(
                "the pickle names `{name}`, which no weight file needs: refused, nothing of it was run; if you trust \
                 the file, save its state dict alone"
            ));
        }
    };
    Ok(global)
}

const MAX_SHOWN_CHARS: usize = 120;

const INERT: [(&str, &str); 16] = [
    ("_codecs", "encode"),
    ("argparse", "Namespace"),
    ("builtins", "set"),
    ("__builtin__", "set"),
    ("collections", "OrderedDict"),
    ("collections", "defaultdict"),
    ("numpy", "dtype"),
    ("numpy", "ndarray"),
    ("numpy.core.multiarray", "_reconstruct"),
    ("numpy.core.multiarray", "scalar"),
    ("numpy._core.multiarray", "_reconstruct"),
    ("numpy._core.multiarray", "scalar"),
    ("pathlib", "PosixPath"),
    ("pathlib", "WindowsPath"),
    ("torch", "Size"),
    ("torch", "device"),
];

/// Names of dtypes that stand beside tensors, e.g. in the arguments of a training run.
const DTYPES: [&str; 10] =
    ["bfloat16", "bool", "float16", "float32", "float64", "int16", "int32", "int64", "int8", "uint8"];

fn kind_of(storage_class: &str) -> Result<Kind, String> {
    match storage_class {
        "FloatStorage" => Ok(Kind::Float),
        "DoubleStorage" => Ok(Kind::Double),
        "HalfStorage" => Ok(Kind::Half),
        "BFloat16Storage" => Ok(Kind::BFloat16),
        "LongStorage" => Ok(Kind::Int64),
        "IntStorage" => Ok(Kind::Int),
        "ShortStorage" => Ok(Kind::Int16),
        "CharStorage" => Ok(Kind::Int8),
        "ByteStorage" => Ok(Kind::Uint8),
        "BoolStorage" => Ok(Kind::Bool),
        other => Err(format!("storage class `torch.{other}` is not known")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn code_is_refused_by_name() {
        for (module, name) in
            [("os", "system"), ("posix", "system"), ("builtins", "eval"), ("torch", "load"), ("torch.hub", "load")]
        {
            let error = global_of(module, name).unwrap_err();
            assert!(error.contains(&format!("names `{module}.{name}`")), "{error}");
        }
        assert!(global_of("argparse", "Namespace").is_ok());
        assert_eq!(global_of("torch", "FloatStorage"), Ok(Global::Storage(Kind::Float)));
        assert!(global_of("torch", "QInt8Storage").unwrap_err().contains("is not known"));
    }
}
