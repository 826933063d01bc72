//! `scene3d serve`: the service, configured by a file and a few options.

use anyhow::Result;
use scene3d_service::ServiceConfig;

use crate::args::{ServeArgs, StoreArgs};
use crate::exit::EXIT_SUCCESS;
use crate::page::page;

/// Serves until it is told to stop.
pub fn run(args: ServeArgs) -> Result<u8> {
    let mut config = config(&args.store)?;
    if let Some(bind) = args.bind {
        config.server.bind = bind;
    }
    scene3d_service::serve(config, page())?;
    Ok(EXIT_SUCCESS)
}

/// The config of the service that is meant.
pub fn config(args: &StoreArgs) -> Result<ServiceConfig> {
    let mut config = args.config.as_deref().map(ServiceConfig::read).transpose()?.unwrap_or_default();
    if let Some(data_dir) = &args.data_dir {
        config.storage.data_dir.clone_from(data_dir);
    }
    Ok(config)
}
