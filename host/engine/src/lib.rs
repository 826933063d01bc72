//! Plugin framework and pipeline: config, discovery, loader, negotiation, instances, artifacts.
