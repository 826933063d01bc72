//! Exit codes; failures of plugins have their own (`scene3d_engine::CODE_TABLE`).

/// What was asked for was done.
pub const EXIT_SUCCESS: u8 = 0;
/// A failure of no particular kind.
pub const EXIT_FAILURE: u8 = 1;
/// As shells report a process ended by SIGINT.
pub const EXIT_CANCELLED: u8 = 130;
