//! Set-up, demo, tests, tidy.
fn main() {}
