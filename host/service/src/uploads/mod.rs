//! What people send: received into a staging folder, checked, and kept as images by their sha256.

pub mod archive;
pub mod names;
pub mod refusal;
