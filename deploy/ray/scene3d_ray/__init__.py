"""scene3d on a Ray cluster: the application of the service, and stages of large scenes as tasks."""
