//! Device code that this build carries.

/// Kernels of one source for one kind of device.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Image {
    /// File of `cuda/`, without its ending.
    pub source: &'static str,
    /// Compute capability times 10.
    pub capability: u32,
    /// PTX, which runs on this capability and all above; machine code runs within its major version.
    pub is_portable: bool,
    /// As the CUDA runtime loads them.
    pub bytes: &'static [u8],
}

/// All of them; empty in a build without NVRTC.
pub(crate) static IMAGES: &[Image] = include!(concat!(env!("OUT_DIR"), "/images.rs"));

/// What the assembler said of each kernel, empty in a build without NVRTC.
pub const REPORT: &str = include_str!(concat!(env!("OUT_DIR"), "/report.txt"));

/// For each source the best image for a device: machine code before PTX, the newest first.
pub(crate) fn of_capability(images: &'static [Image], capability: u32) -> Vec<&'static Image> {
    let runs = |image: &&Image| {
        let same_major = image.capability / 10 == capability / 10;
        image.capability <= capability && (image.is_portable || same_major)
    };
    let mut best: Vec<&Image> = Vec::new();
    for image in images.iter().filter(runs) {
        let rank = |image: &Image| (!image.is_portable, image.capability);
        match best.iter_mut().find(|known| known.source == image.source) {
            Some(known) if rank(known) < rank(image) => *known = image,
            Some(_) => {}
            None => best.push(image),
        }
    }
    best
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_device_gets_machine_code_of_its_major_version_else_portable_code() {
        const fn image(source: &'static str, capability: u32, is_portable: bool) -> Image {
            Image { source, capability, is_portable, bytes: &[] }
        }
        static KNOWN: &[Image] =
            &[image("a", 80, false), image("a", 90, false), image("a", 90, true), image("b", 90, true)];
        let chosen = |capability| {
            let images = of_capability(KNOWN, capability);
            images.iter().map(|image| (image.source, image.capability, image.is_portable)).collect::<Vec<_>>()
        };
        assert_eq!(chosen(75), []);
        assert_eq!(chosen(80), [("a", 80, false)]);
        assert_eq!(chosen(86), [("a", 80, false)]);
        assert_eq!(chosen(90), [("a", 90, false), ("b", 90, true)]);
        assert_eq!(chosen(120), [("a", 90, true), ("b", 90, true)]);
    }
}
