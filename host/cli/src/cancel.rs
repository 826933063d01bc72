//! Ctrl-C: the first ends a run cleanly, the second at once.

use anyhow::{Context, Result};
use scene3d_pipeline::Cancel;

use crate::exit::EXIT_CANCELLED;

/// What Ctrl-C cancels.
pub fn on_ctrl_c() -> Result<Cancel> {
    let cancel = Cancel::default();
    let handle = cancel.clone();
    ctrlc::set_handler(move || {
        if handle.is_cancelled() {
            std::process::exit(EXIT_CANCELLED.into());
        }
        eprintln!("stopping; what was finished is kept (Ctrl-C again ends at once)");
        handle.cancel();
    })
    .context("Ctrl-C can't be handled")?;
    Ok(cancel)
}
