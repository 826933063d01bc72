//! The API over HTTP: the only place that knows requests, bodies and statuses.

pub mod problem;
pub mod state;
pub mod user;

pub use problem::Problem;
pub use state::App;
