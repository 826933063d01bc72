//! One file a command.

pub mod bench;
pub mod check;
pub mod docs;
pub mod eda;
pub mod eval;
pub mod experiments;
pub mod export;
pub mod new_plugin;
pub mod plugin;
pub mod reconstruct;
pub mod sample;
pub mod serve;
pub mod track;
pub mod user;
pub mod validate;
pub mod weights;
pub mod worker;
