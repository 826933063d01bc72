//! COLMAP structure from motion in a child process.
