//! The page that was built into this program.

use scene3d_service::http::{PageFile, WebPage};

/// No files without the feature `page`.
pub fn page() -> WebPage {
    WebPage { files: FILES }
}

include!(concat!(env!("OUT_DIR"), "/page_files.rs"));
