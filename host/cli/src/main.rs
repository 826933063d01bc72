//! The scene3d command line.
fn main() {}
