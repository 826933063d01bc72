//! The measures themselves, each on plain values.

pub mod auc;
pub mod imc;
pub mod relative_pose;
pub mod sim3;
