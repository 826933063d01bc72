//! A job's life: queued, checked, run by an executor, ended.

pub mod failure;
pub mod machine;
pub mod state;
pub mod tracker;
pub mod watch;
