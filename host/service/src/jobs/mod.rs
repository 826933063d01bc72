//! A job's life: queued, checked, run by an executor, ended.

pub mod executor;
pub mod failure;
pub mod machine;
pub mod public_address;
pub mod state;
pub mod tracker;
pub mod watch;
pub mod webhooks;
