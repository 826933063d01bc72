//! Watching a service of scene3d: drift of its images against a baseline, and metrics for Prometheus.
